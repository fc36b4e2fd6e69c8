#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "codec/json/json_shape.h"

namespace millrace::json {

/// How the JSON value of a column is read.
enum class Kind : std::uint8_t {
  kInt64,  ///< also timestamps
  kFloat64,
  kString,
  kBool,
  kLimitedInt,  ///< an integer within [int_min, int_max]; also times
  kUint64,
  kFloat32,
  kBinary,         ///< base64
  kRawJson,        ///< the text of any value
  kDate,           ///< days from "YYYY-MM-DD"
  kTimestampText,  ///< RFC 3339
  kDecimal,
  kList,
  kStruct,
  kMap,
};

/// Memory that grows and becomes an Arrow buffer.
class GrowingBuffer {
 public:
  std::uint8_t* data() const { return data_; }
  std::int64_t capacity() const { return capacity_; }
  /// Makes room for `bytes`, keeping the content; new bytes are not set. Aborts when memory is exhausted.
  void Reserve(std::int64_t bytes);
  /// The first `bytes` as an Arrow buffer; this one is empty then.
  std::shared_ptr<arrow::Buffer> Take(std::int64_t bytes);

 private:
  std::shared_ptr<arrow::ResizableBuffer> buffer_;
  std::uint8_t* data_ = nullptr;
  std::int64_t capacity_ = 0;
};

/// An append-only column, or nested part of one, that is filled value by value without virtual calls.
///
/// Owned by one decoder and used on its thread. Reserve -> append* / Truncate* -> Finish -> Reserve ...
/// Values are valid unless marked null: the validity bitmap exists only from the first null on.
struct Column {
  /// Errors: user error naming the column when JSON cannot fill its type.
  static Result<std::unique_ptr<Column>> Make(const arrow::Field& field, std::string path);
  ~Column();

  /// Room for `rows` values; called by Grow when it is used up.
  void Reserve(std::int64_t rows);
  void ReserveText(std::int64_t bytes);
  /// Drops the values from `rows` on, also in the children.
  void Truncate(std::int64_t rows);
  /// Appends a null (for a map or list an empty one that is null); children of a struct get one each.
  void AppendNull();
  /// The values so far; empties the column and reserves for the next ones what batches took of late.
  std::shared_ptr<arrow::ArrayData> Finish();

  template <typename T>
  T* As() const {
    return reinterpret_cast<T*>(values);
  }
  void GrowIfFull() {
    if (length == capacity) Reserve(length < 64 ? 64 : length * 2);
  }
  /// Room for a text of `bytes` more, and 32 bytes that may be overwritten.
  std::uint8_t* TextRoom(std::int64_t bytes) {
    if (text_size + bytes + 32 > text_capacity) ReserveText(text_size + bytes + 32);
    return text + text_size;
  }

  // What every append touches, kept within two cache lines.
  Kind kind = Kind::kInt64;  ///< constant after construction, as all below the values
  bool not_null = false;
  std::int8_t width = 8;  ///< bytes per entry of `values`; 0 for bool (bits) and struct (none)
  std::int64_t length = 0;
  std::int64_t capacity = 0;
  std::uint8_t* values = nullptr;  ///< fixed-width values, bits of bool, or int32 offsets (list, map, texts)
  std::uint8_t* text = nullptr;    ///< bytes of strings and binaries
  std::int64_t text_size = 0;
  std::int64_t text_capacity = 0;
  std::int64_t null_count = 0;

  std::int32_t precision = 0;  ///< of a decimal
  std::int32_t scale = 0;
  std::int64_t int_min = 0;  ///< of an integer
  std::int64_t int_max = 0;
  std::int64_t units_per_second = 0;  ///< of a timestamp
  std::int64_t cells = 1;             ///< leaf values that one value of this column makes at least
  std::shared_ptr<arrow::DataType> type;
  std::string path;       ///< "user.address[].zip", for messages
  std::string type_text;  ///< "float64"
  std::vector<std::unique_ptr<Column>> children;
  std::unique_ptr<Shape> shape;  ///< of a struct: its keys and the order seen last

 private:
  Column();
  Status Init(const arrow::Field& field);
  Status InitNumber(const arrow::DataType& data_type);
  Status InitNested(const arrow::DataType& data_type);
  bool has_offsets() const;
  bool has_text() const { return kind == Kind::kString || kind == Kind::kBinary || kind == Kind::kRawJson; }
  void MarkNull(std::int64_t row);
  std::int64_t ValueBytes(std::int64_t rows) const;

  std::int64_t rows_expected_ = 0;  // of the next batch
  std::int64_t text_expected_ = 0;
  GrowingBuffer values_buffer_;
  GrowingBuffer text_buffer_;
  GrowingBuffer validity_;  // empty until the first null; one bits are valid
};

}  // namespace millrace::json
