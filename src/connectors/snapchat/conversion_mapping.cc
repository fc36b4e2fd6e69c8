#include "connectors/snapchat/conversion_mapping.h"

#include <map>
#include <optional>

#include <arrow/api.h>

#include "base/suggest.h"
#include "columnar/schema_text.h"
#include "connectors/snapchat/conversion_fields.h"
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
      if (type.id() == arrow::Type::TIMESTAMP) return value;
      return IsText(type) || IsTime(type) ? std::optional(CastTo(std::move(value), "timestamp[ms]"))
                                          : std::nullopt;
    case ConversionType::kContents:
      return IsListOf(type, [](const arrow::DataType& item) { return item.id() == arrow::Type::STRUCT; })
                 ? std::optional(std::move(value))
                 : std::nullopt;
    case ConversionType::kObject:
      return type.id() == arrow::Type::STRUCT || type.id() == arrow::Type::MAP
                 ? std::optional(std::move(value))
                 : std::nullopt;
  }
  return std::nullopt;
}

/// The column that a field is without being mapped; none when there is none.
std::optional<Expr> ByConvention(const ConversionField& field, const arrow::Schema& input) {
  if (!field.section.empty()) {
    if (input.GetFieldByName(field.path()) != nullptr) return Col(field.path());
    const auto section = input.GetFieldByName(std::string(field.section));
    if (section != nullptr && section->type()->id() == arrow::Type::STRUCT &&
        static_cast<const arrow::StructType&>(*section->type()).GetFieldByName(std::string(field.name)) !=
            nullptr) {
      return Field(Col(field.section), field.name);
    }
  }
  if (FindConversionField(field.name) != &field || input.GetFieldByName(std::string(field.name)) == nullptr)
    return std::nullopt;
  return Col(field.name);
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

}  // namespace

Result<std::vector<MappedField>> MapConversionFields(const ConversionMap& map,
                                                     const std::shared_ptr<arrow::Schema>& input) {
  MR_ASSIGN_OR_RETURN(const ByField mapped, ReadMap(map));
  std::vector<MappedField> out;
  for (const ConversionField& field : ConversionFields()) {
    const auto said = mapped.find(&field);
    const std::optional<Expr> value = said != mapped.end() ? said->second : ByConvention(field, *input);
    if (!value) continue;
    const auto bound = BoundExpr::Bind(*value, input);
    if (!bound.ok()) return bound.status().WithContext("map: " + field.path());
    std::optional<Expr> coerced = Coerced(field, *value, *bound->type());
    if (!coerced) {
      return Status::InvalidArgument("the field " + field.path() + " cannot be made of '" +
                                     value->ToString() + "', which is " + TypeText(*bound->type()) +
                                     "; map it to another expression, or name it in leave_out");
    }
    out.push_back({field.path(), *std::move(coerced)});
  }
  return out;
}

}  // namespace millrace
