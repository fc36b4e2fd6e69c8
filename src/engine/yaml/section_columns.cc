// The getters of SectionReader that read columns: names, expressions, aggregates and types.
#include <algorithm>
#include <utility>

#include <arrow/api.h>

#include "columnar/schema_text.h"
#include "engine/yaml/section_reader.h"

namespace millrace {
namespace {

/// Type text of a value of `schema:`: text, or a nested mapping that stands for a struct.
std::string TypeTextOf(const YamlDocument& document, Diagnostics& errors, const YAML::Node& value) {
  if (value.IsScalar()) return document.Text(value, errors);
  if (value.IsSequence() && value.size() == 1) return "list<" + TypeTextOf(document, errors, value[0]) + ">";
  if (value.IsMap() && value.size() > 0) {
    std::string text;
    for (const auto& pair : value) {
      text += (text.empty() ? "struct<" : ", ") + document.Text(pair.first, errors) + ": " +
              TypeTextOf(document, errors, pair.second);
    }
    return text + ">";
  }
  errors.Add(document.LocationOf(value), "expected a type such as int64, string or timestamp[ms]");
  return "string";
}

}  // namespace

void SectionReader::AddAtCharacter(const YAML::Node& scalar, const std::string& message) const {
  PlacedMessage placed = PlaceAtCharacter(document_->LocationOfText(scalar), message);
  errors_->Add(std::move(placed.location), std::move(placed.message));
}

std::optional<PlanExpr> SectionReader::ParseExpression(const YAML::Node& value) const {
  const std::size_t errors_before = errors_->size();
  const std::optional<std::string> text = ScalarText(value, "an expression such as price > 50");
  if (!text || errors_->size() > errors_before) return std::nullopt;
  Result<Expr> expr = ParseExpr(*text);
  if (expr.ok()) return PlanExpr{*std::move(expr), document_->LocationOfText(value)};
  AddAtCharacter(value, expr.status().message());
  return std::nullopt;
}

std::vector<SectionReader::Entry> SectionReader::Pairs(const YAML::Node& value,
                                                       std::string_view expected) const {
  std::vector<Entry> pairs;
  if (!value.IsMap()) {
    errors_->Add(document_->LocationOf(value), "expected " + std::string(expected));
    return pairs;
  }
  for (const auto& pair : value) {
    Entry entry{pair.first.IsScalar() ? document_->Text(pair.first, *errors_) : "",
                document_->LocationOf(pair.first), pair.second};
    if (entry.key.empty()) {
      errors_->Add(entry.location, "a name must not be empty");
    } else if (std::any_of(pairs.begin(), pairs.end(), [&](const Entry& e) { return e.key == entry.key; })) {
      errors_->Add(entry.location, "'" + entry.key + "' is given twice");
    } else {
      pairs.push_back(std::move(entry));
    }
  }
  return pairs;
}

std::vector<std::string> SectionReader::Columns(std::string_view key) const {
  std::vector<std::string> columns;
  const std::optional<YAML::Node> value = Find(key);
  if (!value) return columns;
  const auto add = [&](const YAML::Node& item) {
    std::optional<std::string> column = ScalarText(item, "a column name");
    if (!column) return;
    if (column->empty()) {
      errors_->Add(document_->LocationOf(item), "expected a column name, found nothing");
    } else if (std::find(columns.begin(), columns.end(), *column) != columns.end()) {
      errors_->Add(document_->LocationOf(item), "column '" + *column + "' is named twice");
    } else {
      columns.push_back(*std::move(column));
    }
  };
  if (!value->IsSequence()) {
    add(*value);
  } else {
    for (const auto& item : *value) add(item);
    if (value->size() == 0) errors_->Add(LocationOf(key), "'" + std::string(key) + "' names no column");
  }
  return columns;
}

std::vector<std::pair<std::string, std::string>> SectionReader::Texts(std::string_view key) const {
  std::vector<std::pair<std::string, std::string>> texts;
  const std::optional<YAML::Node> value = Find(key);
  if (!value) return texts;
  const bool columns = Spec(key).kind == ValueKind::kColumnTexts;
  const std::string_view expected =
      columns ? "a mapping of old name to new name" : "a mapping of name to value";
  for (const Entry& pair : Pairs(*value, expected)) {
    std::optional<std::string> text = ScalarText(pair.value, columns ? "the new name" : "a single value");
    if (text && columns && text->empty())
      errors_->Add(pair.location, "the new name of '" + pair.key + "' is empty");
    if (text) texts.emplace_back(pair.key, *std::move(text));
  }
  return texts;
}

std::optional<PlanExpr> SectionReader::Expression(std::string_view key) const {
  const std::optional<YAML::Node> value = Find(key);
  return value ? ParseExpression(*value) : std::nullopt;
}

std::vector<PlanExpr> SectionReader::Expressions(std::string_view key) const {
  std::vector<PlanExpr> expressions;
  const std::optional<YAML::Node> value = Find(key);
  if (!value) return expressions;
  const auto add = [&](const YAML::Node& item) {
    if (std::optional<PlanExpr> expr = ParseExpression(item)) expressions.push_back(*std::move(expr));
  };
  if (!value->IsSequence()) {
    add(*value);
  } else {
    for (const auto& item : *value) add(item);
  }
  return expressions;
}

std::vector<std::pair<std::string, PlanExpr>> SectionReader::NamedExpressions(std::string_view key) const {
  std::vector<std::pair<std::string, PlanExpr>> columns;
  const std::optional<YAML::Node> value = Find(key);
  if (!value) return columns;
  const auto add = [&](const std::string& name, const YAML::Node& node, const SourceLocation& location) {
    std::optional<PlanExpr> expr = ParseExpression(node);
    if (!expr) return;
    if (std::any_of(columns.begin(), columns.end(), [&](const auto& c) { return c.first == name; })) {
      errors_->Add(location, "column '" + name + "' is named twice");
    } else {
      columns.emplace_back(name, *std::move(expr));
    }
  };
  const auto add_mapping = [&](const YAML::Node& node) {
    for (const Entry& pair : Pairs(node, "a mapping of column name to expression"))
      add(pair.key, pair.value, pair.location);
  };
  const bool selection = Spec(key).kind == ValueKind::kSelection;
  const auto add_item = [&](const YAML::Node& item) {
    if (!item.IsScalar()) return add_mapping(item);
    const std::optional<PlanExpr> expr = ParseExpression(item);
    if (!expr) return;
    if (const std::string name = expr->expr.AsColumn(); !name.empty())
      return add(name, item, document_->LocationOf(item));
    errors_->Add(document_->LocationOf(item),
                 "an expression needs a name here: write {name: " + document_->Text(item, *errors_) + "}");
  };
  if (selection && value->IsSequence()) {
    for (const auto& item : *value) add_item(item);
  } else if (selection && value->IsScalar()) {
    add_item(*value);
  } else {
    add_mapping(*value);
  }
  return columns;
}

std::vector<WindowAggregateColumn> SectionReader::Aggregates(std::string_view key) const {
  std::vector<WindowAggregateColumn> columns;
  const std::optional<YAML::Node> value = Find(key);
  if (!value) return columns;
  for (const Entry& pair :
       Pairs(*value, "a mapping of result column to aggregate, such as total: sum(price)")) {
    const std::optional<std::string> text =
        ScalarText(pair.value, "an aggregate such as count() or sum(price)");
    if (!text) continue;
    Result<AggregateCall> call = ParseAggregateCall(*text);
    if (call.ok()) {
      columns.push_back({pair.key, *std::move(call), document_->LocationOfText(pair.value)});
    } else {
      AddAtCharacter(pair.value, call.status().message());
    }
  }
  return columns;
}

std::shared_ptr<arrow::Schema> SectionReader::Types(std::string_view key) const {
  const std::optional<YAML::Node> value = Find(key);
  if (!value) return nullptr;
  arrow::FieldVector fields;
  for (const Entry& pair : Pairs(*value, "a mapping of column name to type")) {
    Result<std::shared_ptr<arrow::Field>> field =
        ParseField(pair.key, TypeTextOf(*document_, *errors_, pair.value));
    if (field.ok()) {
      fields.push_back(*std::move(field));
    } else {
      AddAtCharacter(pair.value, field.status().message());
    }
  }
  if (value->IsMap() && value->size() == 0)
    errors_->Add(LocationOf(key), "'" + std::string(key) + "' names no column");
  return arrow::schema(std::move(fields));
}

}  // namespace millrace
