// The getters of SectionReader that read columns: names, expressions, aggregates and types.
#include <algorithm>
#include <utility>

#include <arrow/api.h>

#include "columnar/schema_text.h"
#include "engine/yaml/section_reader.h"
#include "expr/builder.h"
#include "plan/unknown_type.h"

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
  errors.AddBeside(document.LocationOf(value), "expected a type such as int64, string or timestamp[ms]");
  return "";
}

std::string_view KindOf(const YAML::Node& node) {
  if (node.IsSequence()) return "a list";
  if (node.IsMap()) return "a mapping";
  return node.IsScalar() ? "a single value" : "nothing";
}

}  // namespace

void SectionReader::AddPlaces(WordPlaces* places) const {
  for (const Entry& entry : entries_) {
    AddWords(entry.key, entry.location, entry.value, places);
    if (Spec(entry.key).kind != ValueKind::kSection) continue;
    if (!entry.value.IsMap()) {
      const SectionSpec& nested = PipelineSection(Spec(entry.key).detail);
      AddWords(std::string(nested.shorthand), entry.location, entry.value, places);
      continue;
    }
    for (const auto& pair : entry.value) {
      if (!pair.first.IsScalar()) continue;
      AddWords(pair.first.Scalar(), document_->LocationOf(pair.first), pair.second, places);
    }
  }
}

void SectionReader::AddWords(const std::string& key, const SourceLocation& location, const YAML::Node& value,
                             WordPlaces* places) const {
  Diagnostics reported;  // by the getters
  const auto add = [&](const YAML::Node& word, const YAML::Node& of_word) {
    if (!word.IsScalar()) return;
    places->emplace(std::pair(key, document_->Text(word, reported)),
                    WordPlace{document_->LocationOf(word), document_->LocationOf(of_word)});
  };
  const auto add_item = [&](const YAML::Node& item) {
    if (!item.IsMap()) return add(item, item);
    for (const auto& pair : item) add(pair.first, pair.second);
  };
  places->emplace(std::pair(key, ""), WordPlace{location, document_->LocationOf(value)});
  if (!value.IsSequence()) return add_item(value);
  for (const auto& item : value) add_item(item);
}

void SectionReader::AddAtCharacter(const YAML::Node& scalar, const std::string& message) const {
  PlacedMessage placed = PlaceAtCharacter(document_->LocationOfText(scalar), message);
  errors_->AddBeside(std::move(placed.location), std::move(placed.message));
}

void SectionReader::RequireColumns(std::string_view key, const YAML::Node& value) const {
  if ((value.IsMap() || value.IsSequence()) && value.size() == 0)
    errors_->Add(LocationOf(key), "'" + std::string(key) + "' names no column");
}

PlanExpr SectionReader::ParseExpression(const YAML::Node& value) const {
  PlanExpr unread{.expr = {}, .location = document_->LocationOf(value), .unread = true};
  const std::optional<std::string> text = ScalarText(value, "an expression such as price > 50");
  if (!text) return unread;
  Result<Expr> expr = ParseExpr(*text);
  if (expr.ok()) return {*std::move(expr), document_->LocationOfText(value)};
  AddAtCharacter(value, expr.status().message());
  return unread;
}

std::vector<SectionReader::Entry> SectionReader::Pairs(const YAML::Node& value,
                                                       std::string_view expected) const {
  std::vector<Entry> pairs;
  if (!value.IsMap()) {
    errors_->Add(document_->LocationOf(value),
                 "expected " + std::string(expected) + ", found " + std::string(KindOf(value)));
    return pairs;
  }
  for (const auto& pair : value) {
    Entry entry{pair.first.IsScalar() ? document_->Text(pair.first, *errors_) : "",
                document_->LocationOf(pair.first), pair.second};
    const auto first =
        std::find_if(pairs.begin(), pairs.end(), [&](const Entry& e) { return e.key == entry.key; });
    if (entry.key.empty()) {
      errors_->Add(entry.location, "a name must not be empty");
    } else if (first != pairs.end()) {
      errors_->AddBeside(entry.location,
                         "'" + entry.key + "' is given twice (first at " + first->location.ToString() + ")");
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
    if (!column) return errors_->MarkIncomplete();
    if (column->empty()) {
      errors_->Add(document_->LocationOf(item), "expected a column name, found nothing");
    } else if (std::find(columns.begin(), columns.end(), *column) != columns.end()) {
      errors_->AddBeside(document_->LocationOf(item), "column '" + *column + "' is named twice");
    } else {
      columns.push_back(*std::move(column));
    }
  };
  if (!value->IsSequence()) {
    add(*value);
  } else {
    for (const auto& item : *value) add(item);
  }
  RequireColumns(key, *value);
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
    if (!text && columns) errors_->MarkIncomplete();
    if (text && columns && text->empty())
      errors_->Add(pair.location, "the new name of '" + pair.key + "' is empty");
    if (text) texts.emplace_back(pair.key, *std::move(text));
  }
  if (columns) RequireColumns(key, *value);
  return texts;
}

std::optional<PlanExpr> SectionReader::Expression(std::string_view key) const {
  const std::optional<YAML::Node> value = Find(key);
  return value ? std::optional(ParseExpression(*value)) : std::nullopt;
}

std::optional<PlanExpr> SectionReader::ColumnOrExpression(std::string_view key,
                                                          const arrow::Schema* columns) const {
  const std::optional<YAML::Node> value = Find(key);
  const bool is_column =
      value && value->IsScalar() && columns != nullptr && columns->GetFieldIndex(value->Scalar()) >= 0;
  if (!is_column) return Expression(key);
  return PlanExpr{Col(value->Scalar()), document_->LocationOf(*value)};
}

std::vector<PlanExpr> SectionReader::Expressions(std::string_view key) const {
  std::vector<PlanExpr> expressions;
  const std::optional<YAML::Node> value = Find(key);
  if (!value) return expressions;
  if (!value->IsSequence()) return {ParseExpression(*value)};
  for (const auto& item : *value) expressions.push_back(ParseExpression(item));
  return expressions;
}

std::vector<std::pair<std::string, PlanExpr>> SectionReader::NamedExpressions(std::string_view key) const {
  std::vector<std::pair<std::string, PlanExpr>> columns;
  const std::optional<YAML::Node> value = Find(key);
  if (!value) return columns;
  const auto add = [&](const std::string& name, PlanExpr expr, const SourceLocation& location) {
    if (std::any_of(columns.begin(), columns.end(), [&](const auto& c) { return c.first == name; })) {
      errors_->AddBeside(location, "column '" + name + "' is named twice");
    } else {
      columns.emplace_back(name, std::move(expr));
    }
  };
  const auto add_mapping = [&](const YAML::Node& node) {
    for (const Entry& pair : Pairs(node, "a mapping of column name to expression"))
      add(pair.key, ParseExpression(pair.value), pair.location);
  };
  const bool selection = Spec(key).kind == ValueKind::kSelection;
  const auto add_item = [&](const YAML::Node& item) {
    if (!item.IsScalar()) return add_mapping(item);
    const PlanExpr expr = ParseExpression(item);
    if (expr.unread) return errors_->MarkIncomplete();
    if (const std::string name = expr.expr.AsColumn(); !name.empty())
      return add(name, expr, document_->LocationOf(item));
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
  RequireColumns(key, *value);
  return columns;
}

std::vector<WindowAggregateColumn> SectionReader::Aggregates(std::string_view key) const {
  std::vector<WindowAggregateColumn> columns;
  const std::optional<YAML::Node> value = Find(key);
  if (!value) return columns;
  for (const Entry& pair :
       Pairs(*value, "a mapping of result column to aggregate, such as total: sum(price)")) {
    WindowAggregateColumn& column = columns.emplace_back();
    column.name = pair.key;
    column.location = document_->LocationOfText(pair.value);
    column.unread = true;
    const std::optional<std::string> text =
        ScalarText(pair.value, "an aggregate such as count() or sum(price)");
    if (!text) continue;
    Result<AggregateCall> call = ParseAggregateCall(*text);
    column.unread = !call.ok();
    if (call.ok()) {
      column.call = *std::move(call);
    } else {
      AddAtCharacter(pair.value, call.status().message());
    }
  }
  RequireColumns(key, *value);
  return columns;
}

std::shared_ptr<arrow::Schema> SectionReader::Types(std::string_view key) const {
  const std::optional<YAML::Node> value = Find(key);
  if (!value) return nullptr;
  arrow::FieldVector fields;
  for (const Entry& pair : Pairs(*value, "a mapping of column name to type")) {
    const std::size_t errors_before = errors_->size();
    const std::string text = TypeTextOf(*document_, *errors_, pair.value);
    fields.push_back(arrow::field(pair.key, UnknownType()));
    if (errors_->size() > errors_before) continue;
    Result<std::shared_ptr<arrow::Field>> field = ParseField(pair.key, text);
    if (field.ok()) {
      fields.back() = *std::move(field);
    } else {
      AddAtCharacter(pair.value, field.status().message());
    }
  }
  RequireColumns(key, *value);
  return arrow::schema(std::move(fields));
}

}  // namespace millrace
