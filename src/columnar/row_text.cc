#include "columnar/row_text.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include <arrow/api.h>
#include <arrow/json/from_string.h>

#include "base/suggest.h"
#include "columnar/arrow_status.h"
#include "columnar/schema_text.h"

namespace millrace {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameChar(char c) {
  return !IsSpace(c) && std::string_view("=\"'[]{},#").find(c) == std::string_view::npos;
}

TextCell::Kind KindOf(std::string_view word) {
  using Kind = TextCell::Kind;
  if (word == "null") return Kind::kNull;
  if (word == "true" || word == "false") return Kind::kBool;
  const std::string_view digits = word.substr(word.starts_with('-') ? 1 : 0);
  if (!digits.empty() && std::all_of(digits.begin(), digits.end(), IsDigit)) return Kind::kInteger;
  double number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  // "inf" and "nan" are numbers only where the column says so.
  if (!digits.empty() && IsDigit(digits[0]) && end == word.data() + word.size() && error == std::errc()) {
    return Kind::kNumber;
  }
  return Kind::kWord;
}

void AppendUtf8(std::uint32_t code, std::string* out) {
  if (code < 0x80) {
    *out += static_cast<char>(code);
  } else if (code < 0x800) {
    *out += static_cast<char>(0xC0U | (code >> 6U));
    *out += static_cast<char>(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    *out += static_cast<char>(0xE0U | (code >> 12U));
    *out += static_cast<char>(0x80U | ((code >> 6U) & 0x3FU));
    *out += static_cast<char>(0x80U | (code & 0x3FU));
  } else {
    *out += static_cast<char>(0xF0U | (code >> 18U));
    *out += static_cast<char>(0x80U | ((code >> 12U) & 0x3FU));
    *out += static_cast<char>(0x80U | ((code >> 6U) & 0x3FU));
    *out += static_cast<char>(0x80U | (code & 0x3FU));
  }
}

/// One line of test text.
class RowParser {
 public:
  explicit RowParser(std::string_view line) : line_(line) {}

  Result<TextRow> Parse() {
    TextRow row;
    while (true) {
      while (at_ < line_.size() && IsSpace(line_[at_])) ++at_;
      if (at_ >= line_.size() || line_[at_] == '#') return row;
      MR_ASSIGN_OR_RETURN(TextCell cell, ParseCell());
      for (const TextCell& other : row) {
        if (other.name == cell.name) return Error("'" + cell.name + "' appears twice");
      }
      row.push_back(std::move(cell));
    }
  }

 private:
  Status Error(const std::string& what) const {
    return Status::InvalidArgument("row \"" + std::string(line_) + "\": " + what + " at character " +
                                   std::to_string(at_ + 1));
  }

  Result<TextCell> ParseCell() {
    TextCell cell;
    if (line_[at_] == '"') {
      MR_ASSIGN_OR_RETURN(cell.name, ParseQuoted());
    } else {
      cell.name = Word();
    }
    if (cell.name.empty()) return Error("expected name=value");
    if (at_ >= line_.size() || line_[at_] != '=') return Error("expected '=' after '" + cell.name + "'");
    ++at_;
    if (at_ >= line_.size() || IsSpace(line_[at_])) return Error("expected a value (\"\" for an empty text)");
    const char first = line_[at_];
    if (first == '"') {
      cell.kind = TextCell::Kind::kText;
      MR_ASSIGN_OR_RETURN(cell.text, ParseQuoted());
    } else if (first == '[' || first == '{') {
      cell.kind = TextCell::Kind::kJson;
      MR_ASSIGN_OR_RETURN(cell.text, ParseJson());
    } else {
      cell.text = Word();
      cell.kind = KindOf(cell.text);
      if (cell.text.empty()) return Error("expected a value");
    }
    if (at_ < line_.size() && !IsSpace(line_[at_])) return Error("expected a space after the value");
    return cell;
  }

  std::string Word() {
    const std::size_t start = at_;
    while (at_ < line_.size() && IsNameChar(line_[at_])) ++at_;
    return std::string(line_.substr(start, at_ - start));
  }

  Result<std::uint32_t> HexCode() {
    std::uint32_t code = 0;
    const std::string_view digits = line_.substr(at_, 4);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() != 4 || error != std::errc() || end != digits.data() + 4) {
      return Error("expected four hexadecimal digits");
    }
    at_ += 4;
    return code;
  }

  Result<std::uint32_t> UnicodeEscape() {
    MR_ASSIGN_OR_RETURN(const std::uint32_t code, HexCode());
    if (code < 0xD800 || code > 0xDBFF || line_.substr(at_, 2) != "\\u") return code;
    at_ += 2;
    MR_ASSIGN_OR_RETURN(const std::uint32_t low, HexCode());
    return 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
  }

  Result<std::string> ParseQuoted() {
    static constexpr std::string_view kEscapes = "\"\\/bfnrt";
    static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    std::string text;
    for (++at_; at_ < line_.size() && line_[at_] != '"';) {
      const char c = line_[at_++];
      if (c != '\\') {
        text += c;
        continue;
      }
      if (at_ >= line_.size()) break;
      const char escape = line_[at_++];
      if (escape == 'u') {
        MR_ASSIGN_OR_RETURN(const std::uint32_t code, UnicodeEscape());
        AppendUtf8(code, &text);
        continue;
      }
      const std::size_t which = kEscapes.find(escape);
      if (which == std::string_view::npos) return Error("unknown escape");
      text += kMeanings[which];
    }
    if (at_ >= line_.size()) return Error("expected a closing quote");
    ++at_;
    return text;
  }

  /// Up to the bracket that closes the first one.
  Result<std::string> ParseJson() {
    const std::size_t start = at_;
    int depth = 0;
    while (at_ < line_.size()) {
      const char c = line_[at_];
      if (c == '"') {
        MR_RETURN_IF_ERROR(ParseQuoted().status());
        continue;
      }
      ++at_;
      if (c == '[' || c == '{') ++depth;
      if ((c == ']' || c == '}') && --depth == 0) return std::string(line_.substr(start, at_ - start));
    }
    return Error("expected a closing bracket");
  }

  std::string_view line_;
  std::size_t at_ = 0;
};

std::string Quoted(std::string_view text) {
  std::string quoted;
  AppendQuotedText(text, &quoted);
  return quoted;
}

/// The integer of a date or timestamp written as text.
Result<std::string> TimeAsInteger(std::string text, const arrow::DataType& type) {
  std::shared_ptr<arrow::DataType> plain = type.GetSharedPtr();
  if (type.id() == arrow::Type::TIMESTAMP) {
    plain = arrow::timestamp(static_cast<const arrow::TimestampType&>(type).unit());
    if (text.ends_with('Z')) text.pop_back();
  }
  MR_ASSIGN_ARROW(const auto scalar, arrow::Scalar::Parse(plain, text));
  if (type.id() == arrow::Type::DATE32) {
    return std::to_string(static_cast<const arrow::Date32Scalar&>(*scalar).value);
  }
  return std::to_string(static_cast<const arrow::TimestampScalar&>(*scalar).value);
}

/// Zeros up to the scale, which Arrow wants to see in full.
std::string PaddedDecimal(std::string text, std::int32_t scale) {
  const std::size_t point = text.find('.');
  std::size_t fraction = point == std::string::npos ? 0 : text.size() - point - 1;
  if (point == std::string::npos && scale > 0) text += '.';
  for (; fraction < static_cast<std::size_t>(scale); ++fraction) text += '0';
  return text;
}

/// The cell as the JSON that Arrow reads as a value of `type`.
Result<std::string> CellAsJson(const TextCell& cell, const arrow::DataType& type) {
  using Kind = TextCell::Kind;
  if (cell.kind == Kind::kNull) return std::string("null");
  switch (type.id()) {
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY:
      return Quoted(cell.text);
    case arrow::Type::DECIMAL128:
    case arrow::Type::DECIMAL256:
      return Quoted(PaddedDecimal(cell.text, static_cast<const arrow::DecimalType&>(type).scale()));
    case arrow::Type::DATE32:
    case arrow::Type::TIMESTAMP:
      if (cell.kind != Kind::kInteger) return TimeAsInteger(cell.text, type);
      return cell.text;
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
      if (cell.text == "nan") return std::string("NaN");
      if (cell.text == "inf") return std::string("Inf");
      if (cell.text == "-inf") return std::string("-Inf");
      [[fallthrough]];
    default:
      if (cell.kind == Kind::kWord || cell.kind == Kind::kText) return Quoted(cell.text);
      return cell.text;
  }
}

Status CellError(const TextCell& cell, std::size_t row, const arrow::Field& field, const Status& cause) {
  return Status::InvalidArgument("row " + std::to_string(row + 1) + ": '" + cell.text +
                                 "' is no value of column '" + field.name() + "' (" + FieldText(field) +
                                 "): " + cause.message());
}

/// Cells of one column by row; null where a row has none.
using ColumnCells = std::vector<const TextCell*>;

Result<std::shared_ptr<arrow::Array>> MakeColumn(const ColumnCells& cells, const arrow::Field& field) {
  std::string json = "[";
  for (std::size_t row = 0; row < cells.size(); ++row) {
    if (row > 0) json += ',';
    if (cells[row] == nullptr) {
      json += "null";
      continue;
    }
    const auto value = CellAsJson(*cells[row], *field.type());
    if (!value.ok()) return CellError(*cells[row], row, field, value.status());
    const auto alone = arrow::json::ArrayFromJSONString(field.type(), "[" + *value + "]");
    if (!alone.ok()) return CellError(*cells[row], row, field, FromArrow(alone.status()));
    json += *value;
  }
  MR_ASSIGN_ARROW(auto column, arrow::json::ArrayFromJSONString(field.type(), json + "]"));
  return column;
}

using Kinds = std::vector<TextCell::Kind>;

std::string_view InferredType(const Kinds& kinds) {
  using Kind = TextCell::Kind;
  const auto only = [&](std::initializer_list<Kind> allowed) {
    return !kinds.empty() && std::all_of(kinds.begin(), kinds.end(), [&](Kind kind) {
      return std::find(allowed.begin(), allowed.end(), kind) != allowed.end();
    });
  };
  if (only({Kind::kBool})) return "bool";
  if (only({Kind::kInteger})) return "int64";
  if (only({Kind::kInteger, Kind::kNumber})) return "float64";
  if (only({Kind::kJson})) return "json";
  return "string";
}

}  // namespace

Result<TextRow> ParseTextRow(std::string_view line) { return RowParser(line).Parse(); }

Result<std::shared_ptr<arrow::Schema>> InferTextSchema(std::span<const TextRow> rows) {
  std::vector<std::string> names;
  std::map<std::string, Kinds> kinds;
  for (const TextRow& row : rows) {
    for (const TextCell& cell : row) {
      const auto [at, is_new] = kinds.try_emplace(cell.name);
      if (is_new) names.push_back(cell.name);
      if (cell.kind != TextCell::Kind::kNull) at->second.push_back(cell.kind);
    }
  }
  arrow::FieldVector fields;
  for (const std::string& name : names) {
    MR_ASSIGN_OR_RETURN(auto field, ParseField(name, InferredType(kinds[name])));
    fields.push_back(std::move(field));
  }
  return arrow::schema(std::move(fields));
}

Result<std::shared_ptr<arrow::RecordBatch>> RowsFromText(std::span<const TextRow> rows,
                                                         const std::shared_ptr<arrow::Schema>& schema) {
  std::vector<ColumnCells> cells(static_cast<std::size_t>(schema->num_fields()),
                                 ColumnCells(rows.size(), nullptr));
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (const TextCell& cell : rows[row]) {
      const int column = schema->GetFieldIndex(cell.name);
      if (column < 0) {
        return Status::InvalidArgument("row " + std::to_string(row + 1) + ": unknown column '" + cell.name +
                                       "'" + DidYouMean(cell.name, schema->field_names()));
      }
      cells[static_cast<std::size_t>(column)][row] = &cell;
    }
  }
  arrow::ArrayVector columns;
  for (int i = 0; i < schema->num_fields(); ++i) {
    MR_ASSIGN_OR_RETURN(auto column, MakeColumn(cells[static_cast<std::size_t>(i)], *schema->field(i)));
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(schema, static_cast<std::int64_t>(rows.size()), std::move(columns));
}

}  // namespace millrace
