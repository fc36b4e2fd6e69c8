#include "connectors/snapchat/conversion_mapping.h"

#include <algorithm>
#include <map>
#include <optional>

#include <arrow/api.h>

#include "base/suggest.h"
#include "columnar/schema_text.h"
#include "connectors/snapchat/conversion_fields.h"
#include "connectors/snapchat/conversion_values.h"
#include "connectors/snapchat/text_value.h"
#include "expr/builder.h"

namespace millrace {
namespace {

bool IsText(const arrow::DataType& type) { return type.id() == arrow::Type::STRING; }
bool IsNumber(const arrow::DataType& type) {
  return arrow::is_integer(type.id()) || arrow::is_floating(type.id()) || arrow::is_decimal(type.id());
}
bool IsTime(const arrow::DataType& type) {
  return type.id() == arrow::Type::TIMESTAMP || type.id() == arrow::Type::DATE32;
}
bool IsListOf(const arrow::DataType& type, bool (*item)(const arrow::DataType&)) {
  return type.id() == arrow::Type::LIST && item(*type.field(0)->type());
}
/// An item of contents: its id is a text, or a number that becomes one.
bool IsContent(const arrow::DataType& type) {
  if (type.id() != arrow::Type::STRUCT) return false;
  const auto id = static_cast<const arrow::StructType&>(type).GetFieldByName("id");
  return id == nullptr || HasText(*id->type());
}

/// `value` in a type that ConversionEvents takes for the field; none when it cannot be.
std::optional<Expr> Coerced(const ConversionField& field, Expr value, const arrow::DataType& type) {
  const bool texts = IsListOf(type, HasText);
  switch (field.type) {
    case ConversionType::kText: {
      auto text = TextOf(std::move(value), type);
      if (!text || field.normalise.empty()) return text;
      return Call(std::string(field.normalise), {*std::move(text)});
    }
    case ConversionType::kTexts:
    case ConversionType::kTextOrTexts:
      if (texts) return value;
      return TextOf(std::move(value), type);
    case ConversionType::kHashed:
      if (IsListOf(type, IsText)) return Call(std::string(field.normalise), {std::move(value)});
      if (auto text = TextOf(std::move(value), type))
        return Call(std::string(field.normalise), {*std::move(text)});
      return std::nullopt;
    case ConversionType::kInteger:
      return HasText(type) && !IsTime(type) ? std::optional(CastTo(std::move(value), "int64")) : std::nullopt;
    case ConversionType::kNumber:
      return IsNumber(type) || IsText(type) ? std::optional(std::move(value)) : std::nullopt;
    case ConversionType::kFlag:
    case ConversionType::kBit: {
      const char* const to = field.type == ConversionType::kBit ? "int64" : "bool";
      if (type.id() == arrow::Type::BOOL || arrow::is_integer(type.id())) return CastTo(std::move(value), to);
      return std::nullopt;
    }
    case ConversionType::kTime:
      if (arrow::is_integer(type.id())) return CastTo(std::move(value), "int64");
      if (type.id() == arrow::Type::TIMESTAMP || IsText(type)) return value;
      return IsTime(type) ? std::optional(CastTo(std::move(value), "timestamp[ms]")) : std::nullopt;
    case ConversionType::kContents:
      return IsListOf(type, IsContent) ? std::optional(std::move(value)) : std::nullopt;
    case ConversionType::kObject:
      return type.id() == arrow::Type::STRUCT || type.id() == arrow::Type::MAP
                 ? std::optional(std::move(value))
                 : std::nullopt;
  }
  return std::nullopt;
}

/// The column that a field is by that name of it; none when there is none.
std::optional<Expr> ColumnCalled(const std::string& name, const ConversionField& field,
                                 const arrow::Schema& input) {
  if (!field.section.empty()) {
    const std::string path = std::string(field.section) + "." + name;
    if (input.GetFieldByName(path) != nullptr) return Col(path);
    const auto section = input.GetFieldByName(std::string(field.section));
    if (section != nullptr && section->type()->id() == arrow::Type::STRUCT &&
        static_cast<const arrow::StructType&>(*section->type()).GetFieldByName(name) != nullptr) {
      return Field(Col(field.section), name);
    }
  }
  if (FindConversionField(name) != &field || input.GetFieldByName(name) == nullptr) return std::nullopt;
  return Col(name);
}

/// The column that a field is without being mapped; none when there is none.
std::optional<Expr> ByConvention(const ConversionField& field, const arrow::Schema& input) {
  auto column = ColumnCalled(std::string(field.name), field, input);
  return column || field.also.empty() ? column : ColumnCalled(std::string(field.also), field, input);
}

using ByField = std::map<const ConversionField*, std::optional<Expr>>;

/// What each field that the user speaks of is made of; nothing when it is left out.
Result<ByField> ReadMap(const ConversionMap& map) {
  ByField fields;
  const auto add = [&fields](const std::string& name, std::optional<Expr> value) -> Status {
    const ConversionField* const field = FindConversionField(name);
    if (field == nullptr) {
      return Status::InvalidArgument("an event has no field '" + name + "'" +
                                     DidYouMean(name, ConversionFieldNames()));
    }
    if (fields.emplace(field, std::move(value)).second) return Status::Ok();
    return Status::InvalidArgument("the field " + field->path() + " is spoken of twice");
  };
  for (const auto& [name, value] : map.values) MR_RETURN_IF_ERROR(add(name, value).WithContext("map"));
  for (const std::string& name : map.left_out)
    MR_RETURN_IF_ERROR(add(name, std::nullopt).WithContext("leave_out"));
  return fields;
}

/// The value of a field as ConversionEvents takes it.
Result<Expr> Made(const ConversionField& field, const Expr& value,
                  const std::shared_ptr<arrow::Schema>& input) {
  const auto bound = BoundExpr::Bind(value, input);
  if (!bound.ok()) return bound.status().WithContext("map: " + field.path());
  std::optional<Expr> coerced = Coerced(field, value, *bound->type());
  if (coerced) return *std::move(coerced);
  return Status::InvalidArgument("the field " + field.path() + " cannot be made of '" + value.ToString() +
                                 "', which is " + TypeText(*bound->type()) +
                                 "; map it to another expression, or name it in leave_out");
}

/// Calls `take` with every field that has a value, and that.
template <typename Take>
void ForEachField(const ByField& mapped, const arrow::Schema& input, const Take& take) {
  for (const ConversionField& field : ConversionFields()) {
    const auto said = mapped.find(&field);
    const std::optional<Expr> value = said != mapped.end() ? said->second : ByConvention(field, input);
    if (value) take(field, *value);
  }
}

}  // namespace

Result<std::vector<MappedField>> MapConversionFields(const ConversionMap& map,
                                                     const std::shared_ptr<arrow::Schema>& input) {
  MR_ASSIGN_OR_RETURN(const ByField mapped, ReadMap(map));
  std::vector<MappedField> out;
  Status first = Status::Ok();
  ForEachField(mapped, *input, [&](const ConversionField& field, const Expr& value) {
    Result<Expr> made = Made(field, value, input);
    if (made.ok()) {
      out.push_back({field.path(), *std::move(made)});
    } else if (first.ok()) {
      first = made.status();
    }
  });
  if (!first.ok()) return first;
  return out;
}

std::vector<FieldMistake> FindFieldMistakes(const ConversionMap& map,
                                            const std::shared_ptr<arrow::Schema>& input) {
  std::vector<FieldMistake> out;
  const auto mapped = ReadMap(map);
  if (!mapped.ok()) return out;
  ForEachField(*mapped, *input, [&](const ConversionField& field, const Expr& value) {
    const Result<Expr> made = Made(field, value, input);
    if (!made.ok()) out.push_back({field.path(), made.status()});
  });
  return out;
}

std::string MissingForAll(std::span<const MappedField> fields, std::string_view action_source) {
  const auto has = [fields](std::string_view path) {
    return std::any_of(fields.begin(), fields.end(),
                       [path](const MappedField& field) { return field.path == path; });
  };
  const bool says_source = has("action_source");
  const bool some_of_apps = says_source || action_source == kMobileApp;
  const bool somebody = has("user_data.em") || has("user_data.ph") ||
                        (has("user_data.client_ip_address") && has("user_data.client_user_agent")) ||
                        (some_of_apps && has("user_data.madid"));
  if (!somebody)
    return "no event has somebody to attribute it to: map user_data.em or user_data.ph, or client_ip_address "
           "with client_user_agent, or madid of app events";
  if (!says_source && action_source == kMobileApp && !has("app_data.extinfo"))
    return "Snap takes no app event without app_data.extinfo: map it";
  return "";
}

}  // namespace millrace
