#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"

namespace millrace {

// Canonical bytes of typed key values (K1): what groups rows, picks partitions and names state.
//
// A key is its columns one after the other; comparing two keys of the same column types with memcmp orders
// them as the columns' values would, first column first, null before every value. Each column is
//
//   null                                     00
//   any value                                01, then
//     bool                                   00 or 01
//     int8..int64, date, time, timestamp     8 bytes big endian, sign bit flipped (narrow integers widened,
//     so that a
//                                            column that becomes int64 keeps its keys)
//     uint8..uint64                          8 bytes big endian
//     float32, float64                       8 bytes of the double, big endian; negative: all bits flipped,
//     else the
//                                            sign bit; -0 as +0, every NaN as one NaN, which sorts last
//     decimal(p, s)                          16 bytes (p <= 38) or 32 bytes big endian, sign bit flipped
//     string, binary, last column            the bytes as they are
//     string, binary, any other column       the bytes with 00 written as 00 FF, then 00 00

/// Keys of many rows in one buffer: row i is bytes [offsets[i], offsets[i + 1]). Reused between batches.
class KeyBuffer {
 public:
  std::int64_t num_rows() const { return static_cast<std::int64_t>(offsets_.size()) - 1; }
  const char* data() const { return bytes_.data(); }
  /// num_rows() + 1 entries.
  std::span<const std::int32_t> offsets() const { return offsets_; }
  std::string_view operator[](std::size_t i) const {
    return {bytes_.data() + offsets_[i], static_cast<std::size_t>(offsets_[i + 1] - offsets_[i])};
  }

  /// Bytes of all rows.
  std::int64_t bytes() const { return offsets_.back(); }

  /// Forgets all rows, keeps the memory.
  void Clear();
  /// Appends one row that is already encoded. Precondition: fewer than 2 GiB in all.
  void Append(std::string_view key) { Append(key, {}); }
  /// As before, of a key in two parts.
  void Append(std::string_view begin, std::string_view rest);
  /// Hands the rows over without a copy; the buffer is empty afterwards.
  std::shared_ptr<arrow::BinaryArray> ToBinaryArray() &&;

 private:
  friend class KeyWriter;
  std::string bytes_;
  std::vector<std::int32_t> offsets_{0};
};

/// True when a column of `type` can be part of a key (not: list, struct, map, dictionary).
bool IsKeyType(const arrow::DataType& type);

/// Replaces `out` by the keys of all rows of `columns` (equal lengths, at least one column).
/// Cost: one pass per column, no allocation per row once `out` has grown; direct paths for one integer and
/// one string. Errors: user error for a type that cannot be a key; ResourceExhausted above 2 GiB.
Status EncodeKeys(std::span<const std::shared_ptr<arrow::Array>> columns, KeyBuffer* out);

/// The values the keys were made from, one array per field, typed by `fields`.
/// Errors: kCorrupt when a key does not read as these types.
Result<std::vector<std::shared_ptr<arrow::Array>>> DecodeKeys(
    const char* data, std::span<const std::int32_t> offsets,
    std::span<const std::shared_ptr<arrow::Field>> fields);

/// True where any of `columns` is null; null pointer when no row has one (`null_key` of K1).
Result<std::shared_ptr<arrow::BooleanArray>> RowsWithNull(
    std::span<const std::shared_ptr<arrow::Array>> columns);

}  // namespace millrace
