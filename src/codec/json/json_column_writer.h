#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "codec/json/json_writer.h"

namespace millrace::json {

/// Writes the values of one column, or nested part of one, as JSON.
///
/// Bind to an array, then Write any of its rows; the array must outlive the writes. One owner, one thread.
class ColumnWriter {
 public:
  /// Errors: user error for a type JSON has no form for.
  static Result<std::unique_ptr<ColumnWriter>> Make(const arrow::Field& field);

  void Bind(const arrow::ArrayData& array);
  bool IsNull(std::int64_t row) const {
    const std::int64_t at = row + offset_;
    return kind_ == Kind::kNull || (validity_ != nullptr && ((validity_[at >> 3] >> (at & 7)) & 1) == 0);
  }
  void Write(std::int64_t row, Writer* out) const;
  /// The value without fields that are null (MakeSparseJsonEncoder). False when nothing is left: a null, or
  /// an object without fields; nothing is written then.
  bool WriteSparse(std::int64_t row, Writer* out) const;
  /// The value as plain text (strings without quotes). Precondition: not null, not nested.
  void WriteText(std::int64_t row, Writer* out) const;
  /// False for lists, structs, maps and floating point.
  bool HasKeyForm() const;

 private:
  enum class Kind : std::uint8_t {
    kNull,
    kBool,
    kInt8,
    kInt16,
    kInt32,
    kInt64,
    kUint8,
    kUint16,
    kUint32,
    kUint64,
    kFloat32,
    kFloat64,
    kString,
    kBinary,
    kRawJson,
    kDate,
    kTimestampText,
    kDecimal128,
    kDecimal256,
    kList,
    kStruct,
    kMap,
  };

  Status Init(const arrow::Field& field);
  Status InitNested(const arrow::DataType& type);
  void WriteValue(std::int64_t row, Writer* out) const;
  void WriteNested(std::int64_t row, Writer* out) const;
  std::string_view Text(std::int64_t row) const;
  template <typename T>
  T At(std::int64_t row) const {
    return reinterpret_cast<const T*>(values_)[row + offset_];
  }

  // Constant after Make.
  Kind kind_ = Kind::kNull;
  int scale_ = 0;
  std::int64_t units_per_second_ = 1;
  std::vector<std::unique_ptr<ColumnWriter>> children_;
  std::vector<PaddedText> prefixes_;  // of a struct: `{"first":`, `,"second":`

  // The array bound last.
  std::int64_t offset_ = 0;
  const std::uint8_t* validity_ = nullptr;
  const std::uint8_t* values_ = nullptr;
  const char* text_ = nullptr;
};

/// The fields of an object that are not null, with its braces. False when there is none; nothing is written
/// then.
bool WriteSparseFields(std::span<const std::unique_ptr<ColumnWriter>> fields,
                       std::span<const PaddedText> prefixes, std::int64_t row, Writer* out);

/// `opening`, the name as a JSON string, a colon.
PaddedText KeyPrefix(char opening, std::string_view name);

}  // namespace millrace::json
