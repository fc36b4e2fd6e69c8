#include "columnar/schema_text.h"

#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>

#include "base/suggest.h"
#include "columnar/arrow_status.h"

namespace millrace {
namespace {

constexpr std::string_view kFormatKey = "format";
constexpr int kMaxNesting = 32;

struct PlainType {
  std::string_view name;
  std::shared_ptr<arrow::DataType> (*make)();
};

std::shared_ptr<arrow::DataType> Utf8() { return arrow::utf8(); }

template <const std::shared_ptr<arrow::DataType>& (*kFactory)()>
std::shared_ptr<arrow::DataType> Of() {
  return kFactory();
}

constexpr std::array kPlainTypes = {
    PlainType{"bool", Of<arrow::boolean>},
    PlainType{"int8", Of<arrow::int8>},
    PlainType{"int16", Of<arrow::int16>},
    PlainType{"int32", Of<arrow::int32>},
    PlainType{"int64", Of<arrow::int64>},
    PlainType{"uint8", Of<arrow::uint8>},
    PlainType{"uint16", Of<arrow::uint16>},
    PlainType{"uint32", Of<arrow::uint32>},
    PlainType{"uint64", Of<arrow::uint64>},
    PlainType{"float32", Of<arrow::float32>},
    PlainType{"float64", Of<arrow::float64>},
    PlainType{"double", Of<arrow::float64>},
    PlainType{"string", Utf8},
    PlainType{"binary", Of<arrow::binary>},
    PlainType{"date", Of<arrow::date32>},
    PlainType{"json", Utf8},
};

std::vector<std::string> AllTypeNames() {
  std::vector<std::string> names;
  names.reserve(kPlainTypes.size());
  for (const PlainType& plain : kPlainTypes) names.emplace_back(plain.name);
  for (const char* name : {"timestamp[ms]", "time[ms]", "decimal(10, 2)", "list<int64>", "struct<a: int64>",
                           "map<string, int64>"}) {
    names.emplace_back(name);
  }
  return names;
}

bool IsWordChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Recursive descent over one type text; `at_` is the next character.
class TypeParser {
 public:
  explicit TypeParser(std::string_view text) : text_(text) {}

  Result<std::shared_ptr<arrow::Field>> ParseAll(std::string_view name) {
    MR_ASSIGN_OR_RETURN(auto field, ParseFieldType(std::string(name), 0));
    Skip();
    if (at_ < text_.size()) return Error("unexpected '" + std::string(text_.substr(at_)) + "'", at_);
    return field;
  }

 private:
  Status Error(const std::string& what, std::size_t at) const {
    return Status::InvalidArgument("type \"" + std::string(text_) + "\": " + what + " at character " +
                                   std::to_string(at + 1));
  }

  void Skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
  }

  bool Accept(char c) {
    Skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  Status Expect(char c) {
    if (Accept(c)) return Status::Ok();
    return Error(std::string("expected '") + c + "'", at_);
  }

  std::string_view Word() {
    Skip();
    const std::size_t start = at_;
    while (at_ < text_.size() && IsWordChar(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }

  /// "not null", or nothing.
  bool AcceptNotNull() {
    const std::size_t start = at_;
    if (Word() == "not" && Word() == "null") return true;
    at_ = start;
    return false;
  }

  Result<std::shared_ptr<arrow::Field>> ParseFieldType(std::string name, int depth) {
    format_.clear();
    MR_ASSIGN_OR_RETURN(auto type, ParseOne(depth));
    const std::string format = std::exchange(format_, "");
    const bool nullable = !AcceptNotNull();
    auto field = arrow::field(std::move(name), std::move(type), nullable);
    if (format.empty()) return field;
    return field->WithMetadata(arrow::key_value_metadata({std::string(kFormatKey)}, {format}));
  }

  Result<std::shared_ptr<arrow::DataType>> ParseOne(int depth) {
    if (depth > kMaxNesting) return Error("nested more than " + std::to_string(kMaxNesting) + " deep", at_);
    Skip();
    const std::size_t start = at_;
    const std::string_view name = Word();
    if (name.empty()) return Error("expected a type", start);
    for (const PlainType& plain : kPlainTypes) {
      if (plain.name != name) continue;
      if (name == "json") format_ = "json";
      return plain.make();
    }
    if (name == "timestamp") return ParseTimestamp();
    if (name == "time") return ParseTime();
    if (name == "decimal") return ParseDecimal();
    if (name == "list") return ParseList(depth);
    if (name == "struct") return ParseStruct(depth);
    if (name == "map") return ParseMap(depth);
    const std::string unknown(text_.substr(start, at_ - start));
    return Error("unknown type '" + unknown + "'" + DidYouMean(unknown, AllTypeNames()), start);
  }

  Result<arrow::TimeUnit::type> ParseUnit() {
    Skip();
    const std::size_t start = at_;
    const std::string_view unit = Word();
    if (unit == "s") return arrow::TimeUnit::SECOND;
    if (unit == "ms") return arrow::TimeUnit::MILLI;
    if (unit == "us") return arrow::TimeUnit::MICRO;
    if (unit == "ns") return arrow::TimeUnit::NANO;
    return Error("expected a unit: s, ms, us or ns", start);
  }

  Result<std::shared_ptr<arrow::DataType>> ParseTimestamp() {
    MR_RETURN_IF_ERROR(Expect('['));
    MR_ASSIGN_OR_RETURN(const arrow::TimeUnit::type unit, ParseUnit());
    std::string zone;
    while (Accept(',')) {
      Skip();
      const std::size_t start = at_;
      while (at_ < text_.size() &&
             (IsWordChar(text_[at_]) || std::string_view("/+-:").find(text_[at_]) != std::string_view::npos))
        ++at_;
      const std::string word(text_.substr(start, at_ - start));
      if (word.empty()) return Error("expected a time zone or rfc3339", start);
      if (word == "rfc3339") {
        format_ = word;
      } else {
        zone = word;
      }
    }
    MR_RETURN_IF_ERROR(Expect(']'));
    return arrow::timestamp(unit, zone);
  }

  Result<std::shared_ptr<arrow::DataType>> ParseTime() {
    MR_RETURN_IF_ERROR(Expect('['));
    MR_ASSIGN_OR_RETURN(const arrow::TimeUnit::type unit, ParseUnit());
    MR_RETURN_IF_ERROR(Expect(']'));
    if (unit == arrow::TimeUnit::SECOND || unit == arrow::TimeUnit::MILLI) return arrow::time32(unit);
    return arrow::time64(unit);
  }

  Result<std::int32_t> ParseNumber() {
    const bool negative = Accept('-');
    Skip();
    const std::size_t start = at_;
    const std::string_view digits = Word();
    std::int32_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size())
      return Error("expected a number", start);
    return negative ? -value : value;
  }

  Result<std::shared_ptr<arrow::DataType>> ParseDecimal() {
    MR_RETURN_IF_ERROR(Expect('('));
    const std::size_t start = at_;
    MR_ASSIGN_OR_RETURN(const std::int32_t precision, ParseNumber());
    MR_RETURN_IF_ERROR(Expect(','));
    MR_ASSIGN_OR_RETURN(const std::int32_t scale, ParseNumber());
    MR_RETURN_IF_ERROR(Expect(')'));
    if (precision < 1 || precision > 76) return Error("a decimal has a precision of 1 to 76", start);
    if (scale < 0 || scale > precision) return Error("a decimal's scale is 0 to its precision", start);
    if (precision <= 38) return arrow::decimal128(precision, scale);
    return arrow::decimal256(precision, scale);
  }

  Result<std::shared_ptr<arrow::DataType>> ParseList(int depth) {
    MR_RETURN_IF_ERROR(Expect('<'));
    MR_ASSIGN_OR_RETURN(auto item, ParseFieldType("item", depth + 1));
    MR_RETURN_IF_ERROR(Expect('>'));
    return arrow::list(std::move(item));
  }

  /// A bare word, or anything in double quotes with "" for a quote.
  Result<std::string> ParseName() {
    if (!Accept('"')) {
      const std::size_t start = at_;
      const std::string_view word = Word();
      if (word.empty()) return Error("expected a field name", start);
      return std::string(word);
    }
    std::string name;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        if (at_ + 1 >= text_.size() || text_[at_ + 1] != '"') break;
        ++at_;
      }
      name += text_[at_];
    }
    MR_RETURN_IF_ERROR(Expect('"'));
    return name;
  }

  Result<std::shared_ptr<arrow::DataType>> ParseStruct(int depth) {
    MR_RETURN_IF_ERROR(Expect('<'));
    arrow::FieldVector fields;
    do {
      Skip();
      const std::size_t start = at_;
      MR_ASSIGN_OR_RETURN(std::string name, ParseName());
      for (const auto& other : fields) {
        if (other->name() == name) return Error("field '" + name + "' appears twice", start);
      }
      MR_RETURN_IF_ERROR(Expect(':'));
      MR_ASSIGN_OR_RETURN(auto field, ParseFieldType(std::move(name), depth + 1));
      fields.push_back(std::move(field));
    } while (Accept(','));
    MR_RETURN_IF_ERROR(Expect('>'));
    return arrow::struct_(fields);
  }

  Result<std::shared_ptr<arrow::DataType>> ParseMap(int depth) {
    MR_RETURN_IF_ERROR(Expect('<'));
    Skip();
    const std::size_t start = at_;
    MR_ASSIGN_OR_RETURN(const auto key, ParseOne(depth + 1));
    if (key->id() != arrow::Type::STRING) return Error("the key of a map is a string", start);
    MR_RETURN_IF_ERROR(Expect(','));
    MR_ASSIGN_OR_RETURN(auto item, ParseFieldType("value", depth + 1));
    MR_RETURN_IF_ERROR(Expect('>'));
    return std::make_shared<arrow::MapType>(arrow::field("key", key, false), std::move(item));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string format_;  // of the type parsed last: "rfc3339", "json" or ""
};

std::string FormatOf(const arrow::Field& field) {
  if (field.metadata() == nullptr) return "";
  return field.metadata()->Get(std::string(kFormatKey)).ValueOr("");
}

std::string_view UnitText(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return "s";
    case arrow::TimeUnit::MILLI:
      return "ms";
    case arrow::TimeUnit::MICRO:
      return "us";
    case arrow::TimeUnit::NANO:
      return "ns";
  }
  return "?";
}

std::string NameText(const std::string& name) {
  bool plain = !name.empty();
  for (const char c : name) plain = plain && IsWordChar(c);
  if (plain) return name;
  std::string quoted = "\"";
  for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

std::string FieldListText(const arrow::FieldVector& fields) {
  std::string text;
  for (const auto& field : fields) {
    if (!text.empty()) text += ", ";
    text += NameText(field->name()) + ": " + FieldText(*field);
  }
  return text;
}

std::string TimestampText(const arrow::TimestampType& type, std::string_view format) {
  std::string text = "timestamp[" + std::string(UnitText(type.unit()));
  if (!type.timezone().empty()) text += ", " + type.timezone();
  if (!format.empty()) text += ", " + std::string(format);
  return text + "]";
}

std::string DecimalText(const arrow::DecimalType& type) {
  return "decimal(" + std::to_string(type.precision()) + ", " + std::to_string(type.scale()) + ")";
}

std::string NestedText(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST:
      return "list<" + FieldText(*type.field(0)) + ">";
    case arrow::Type::STRUCT:
      return "struct<" + FieldListText(type.fields()) + ">";
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(type);
      return "map<" + TypeText(*map.key_type()) + ", " + FieldText(*map.item_field()) + ">";
    }
    default:
      return type.ToString();
  }
}

}  // namespace

Result<std::shared_ptr<arrow::Field>> ParseField(std::string_view name, std::string_view type_text) {
  return TypeParser(type_text).ParseAll(name);
}

Result<std::shared_ptr<arrow::DataType>> ParseType(std::string_view type_text) {
  MR_ASSIGN_OR_RETURN(const auto field, ParseField("", type_text));
  if (!field->nullable()) {
    return Status::InvalidArgument("type \"" + std::string(type_text) +
                                   "\": 'not null' is for declared columns; a cast keeps nulls");
  }
  return field->type();
}

std::string TypeText(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::FLOAT:
      return "float32";
    case arrow::Type::DOUBLE:
      return "float64";
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
      return "string";
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY:
      return "binary";
    case arrow::Type::DATE32:
      return "date";
    case arrow::Type::TIME32:
    case arrow::Type::TIME64:
      return "time[" + std::string(UnitText(static_cast<const arrow::TimeType&>(type).unit())) + "]";
    case arrow::Type::TIMESTAMP:
      return TimestampText(static_cast<const arrow::TimestampType&>(type), "");
    case arrow::Type::DECIMAL128:
    case arrow::Type::DECIMAL256:
      return DecimalText(static_cast<const arrow::DecimalType&>(type));
    default:
      return NestedText(type);
  }
}

std::string FieldText(const arrow::Field& field) {
  const std::string format = FormatOf(field);
  std::string text;
  if (format == "json" && field.type()->id() == arrow::Type::STRING) {
    text = "json";
  } else if (format == "rfc3339" && field.type()->id() == arrow::Type::TIMESTAMP) {
    text = TimestampText(static_cast<const arrow::TimestampType&>(*field.type()), format);
  } else {
    text = TypeText(*field.type());
  }
  return field.nullable() ? text : text + " not null";
}

std::string SchemaText(const arrow::Schema& schema) { return "{" + FieldListText(schema.fields()) + "}"; }

}  // namespace millrace
