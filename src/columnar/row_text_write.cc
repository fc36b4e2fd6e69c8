#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <utility>

#include <arrow/api.h>
#include <arrow/visit_array_inline.h>

#include "base/check.h"
#include "columnar/row_text.h"

namespace millrace {
namespace {

bool IsPlainWord(std::string_view text) {
  if (text.empty() || text == "null" || text == "true" || text == "false") return false;
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (!letter(text[0])) return false;
  for (const char c : text) {
    if (!letter(c) && !(c >= '0' && c <= '9') &&
        std::string_view("-.:/@").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

template <typename Float>
std::string FloatText(Float value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
  std::string out(text, end);
  if (out.find_first_of(".e") == std::string::npos) out += ".0";
  return out;
}

std::string DateText(std::int32_t days) {
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  char text[32];
  std::snprintf(text, sizeof(text), "%04d-%02u-%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return text;
}

/// Writes one value; `nested_` when it stands inside a list, struct or map and must be JSON.
class CellWriter {
 public:
  explicit CellWriter(std::string* out) : out_(*out) {}

  void Write(const arrow::Array& column, std::int64_t row) {
    if (column.IsNull(row)) {
      out_ += "null";
      return;
    }
    row_ = row;
    const arrow::Status status = arrow::VisitArrayInline(column, this);
    MR_CHECK(status.ok()) << status.ToString();
  }

  template <typename T>
  requires(arrow::is_integer_type<typename T::TypeClass>::value ||
           arrow::is_time_type<typename T::TypeClass>::value) arrow::Status Visit(const T& array) {
    out_ += std::to_string(array.Value(row_));
    return arrow::Status::OK();
  }
  arrow::Status Visit(const arrow::TimestampArray& array) { return Raw(std::to_string(array.Value(row_))); }
  arrow::Status Visit(const arrow::BooleanArray& array) { return Raw(array.Value(row_) ? "true" : "false"); }
  arrow::Status Visit(const arrow::FloatArray& array) { return Word(FloatText(array.Value(row_))); }
  arrow::Status Visit(const arrow::DoubleArray& array) { return Word(FloatText(array.Value(row_))); }
  arrow::Status Visit(const arrow::Date32Array& array) { return Word(DateText(array.Value(row_))); }
  arrow::Status Visit(const arrow::Decimal128Array& array) { return Word(array.FormatValue(row_)); }
  arrow::Status Visit(const arrow::Decimal256Array& array) { return Word(array.FormatValue(row_)); }

  template <typename T>
  requires arrow::is_base_binary_type<typename T::TypeClass>::value arrow::Status Visit(const T& array) {
    const std::string_view text = array.GetView(row_);
    if (!nested_ && IsPlainWord(text)) return Raw(std::string(text));
    AppendQuotedText(text, &out_);
    return arrow::Status::OK();
  }

  arrow::Status Visit(const arrow::StructArray& array) {
    const std::int64_t row = row_;
    const bool nested = std::exchange(nested_, true);
    out_ += '{';
    for (int i = 0; i < array.num_fields(); ++i) {
      if (i > 0) out_ += ", ";
      AppendQuotedText(array.struct_type()->field(i)->name(), &out_);
      out_ += ": ";
      Write(*array.field(i), row);
    }
    out_ += '}';
    nested_ = nested;
    return arrow::Status::OK();
  }

  arrow::Status Visit(const arrow::ListArray& array) { return WriteList(array); }
  arrow::Status Visit(const arrow::LargeListArray& array) { return WriteList(array); }

  arrow::Status Visit(const arrow::MapArray& array) {
    const std::int64_t row = row_;
    const bool nested = std::exchange(nested_, true);
    out_ += '[';
    for (auto i = array.value_offset(row); i < array.value_offset(row + 1); ++i) {
      if (i > array.value_offset(row)) out_ += ", ";
      out_ += '[';
      Write(*array.keys(), i);
      out_ += ", ";
      Write(*array.items(), i);
      out_ += ']';
    }
    out_ += ']';
    nested_ = nested;
    return arrow::Status::OK();
  }

  arrow::Status Visit(const arrow::Array& array) {
    const auto scalar = array.GetScalar(row_);
    AppendQuotedText(scalar.ok() ? (*scalar)->ToString() : "?", &out_);
    return arrow::Status::OK();
  }

 private:
  arrow::Status Raw(const std::string& text) {
    out_ += text;
    return arrow::Status::OK();
  }
  /// A word that JSON knows only as a string, unless it is a plain number.
  arrow::Status Word(const std::string& text) {
    const bool number =
        !text.empty() && (text.back() >= '0' && text.back() <= '9') && text.find('-', 1) == std::string::npos;
    if (!nested_ || number) return Raw(text);
    AppendQuotedText(text, &out_);
    return arrow::Status::OK();
  }

  template <typename List>
  arrow::Status WriteList(const List& array) {
    const std::int64_t row = row_;
    const bool nested = std::exchange(nested_, true);
    out_ += '[';
    for (auto i = array.value_offset(row); i < array.value_offset(row + 1); ++i) {
      if (i > array.value_offset(row)) out_ += ", ";
      Write(*array.values(), i);
    }
    out_ += ']';
    nested_ = nested;
    return arrow::Status::OK();
  }

  std::string& out_;
  std::int64_t row_ = 0;
  bool nested_ = false;
};

}  // namespace

void AppendQuotedText(std::string_view text, std::string* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  *out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        *out += "\\\"";
        break;
      case '\\':
        *out += "\\\\";
        break;
      case '\n':
        *out += "\\n";
        break;
      case '\r':
        *out += "\\r";
        break;
      case '\t':
        *out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          *out += "\\u00";
          *out += kDigits[static_cast<unsigned char>(c) >> 4U];
          *out += kDigits[static_cast<unsigned char>(c) & 15U];
        } else {
          *out += c;
        }
    }
  }
  *out += '"';
}

std::string CellText(const arrow::Array& column, std::int64_t row) {
  std::string text;
  CellWriter(&text).Write(column, row);
  return text;
}

std::string RowText(const arrow::RecordBatch& rows, std::int64_t row) {
  std::string line;
  for (int i = 0; i < rows.num_columns(); ++i) {
    if (i > 0) line += ' ';
    const std::string& name = rows.column_name(i);
    if (IsPlainWord(name)) {
      line += name;
    } else {
      AppendQuotedText(name, &line);
    }
    line += '=';
    line += CellText(*rows.column(i), row);
  }
  return line;
}

}  // namespace millrace
