#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/type_fwd.h>

namespace millrace {

namespace api_internal {
struct Access;
}

/// The type of a column, kept as its text: `DataType("timestamp[ms, rfc3339]")`. A text that is no type is
/// reported when the pipeline starts, with the place where it was used. A value type.
class DataType {
 public:
  /// Any type the YAML accepts: "int64", "decimal(10, 2)", "list<string>", "struct<a: int64>", ...
  explicit DataType(std::string_view text) : text_(text) {}

  /// The same type for a column whose values must not be null (R6): a record without one is an error.
  DataType NotNull() const { return DataType(text_ + " not null"); }

  /// As the YAML writes it.
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// Truth values.
inline DataType boolean() { return DataType("bool"); }
inline DataType int8() { return DataType("int8"); }
inline DataType int16() { return DataType("int16"); }
inline DataType int32() { return DataType("int32"); }
inline DataType int64() { return DataType("int64"); }
inline DataType uint8() { return DataType("uint8"); }
inline DataType uint16() { return DataType("uint16"); }
inline DataType uint32() { return DataType("uint32"); }
inline DataType uint64() { return DataType("uint64"); }
inline DataType float32() { return DataType("float32"); }
inline DataType float64() { return DataType("float64"); }
/// UTF-8 text.
inline DataType string() { return DataType("string"); }
inline DataType binary() { return DataType("binary"); }
/// Days.
inline DataType date() { return DataType("date"); }
/// Integers since the epoch in JSON.
inline DataType timestamp_s() { return DataType("timestamp[s]"); }
inline DataType timestamp_ms() { return DataType("timestamp[ms]"); }
inline DataType timestamp_us() { return DataType("timestamp[us]"); }
inline DataType timestamp_ns() { return DataType("timestamp[ns]"); }
/// RFC 3339 text in JSON ("2024-01-31T12:00:00Z").
inline DataType timestamp_rfc3339() { return DataType("timestamp[ms, rfc3339]"); }
/// Any JSON value, kept as its text.
inline DataType json() { return DataType("json"); }
/// Exact numbers with `scale` digits after the point.
inline DataType decimal(int precision, int scale) {
  return DataType("decimal(" + std::to_string(precision) + ", " + std::to_string(scale) + ")");
}
inline DataType list(const DataType& item) { return DataType("list<" + item.text() + ">"); }

/// Names and types of columns, in order. A value type.
class Schema {
 public:
  /// One column.
  struct Column {
    /// Unique in the schema.
    std::string name;
    DataType type;
  };

  /// In written order.
  Schema(std::initializer_list<Column> columns) : columns_(columns) {}
  explicit Schema(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// A schema that exists in Arrow already.
  // NOLINTNEXTLINE(google-explicit-constructor)
  Schema(std::shared_ptr<arrow::Schema> arrow) : arrow_(std::move(arrow)) {}

 private:
  friend struct api_internal::Access;
  std::vector<Column> columns_;
  std::shared_ptr<arrow::Schema> arrow_;  // null unless made from one
};

/// `schema({{"ts", timestamp_ms()}, {"price", float64()}})`.
inline Schema schema(std::initializer_list<Schema::Column> columns) { return Schema(columns); }

}  // namespace millrace
