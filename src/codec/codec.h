#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "columnar/batch.h"
#include "columnar/record_block.h"

namespace millrace {

/// What a Decoder made of a block.
struct DecodedBlock {
  /// One row per record that could be decoded, in order. A tombstone is a row of nulls.
  std::shared_ptr<arrow::RecordBatch> rows;
  /// int32: the record of each row; null pointer when every record became a row.
  std::shared_ptr<arrow::Int32Array> record;
  /// True where the value was null; null pointer when none was.
  std::shared_ptr<arrow::BooleanArray> tombstone;
  /// RowError::row is the record's index in the block.
  std::vector<RowError> errors;
};

/// Turns record values into columns of a fixed schema. One owner, one thread; reused for many blocks.
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual const std::shared_ptr<arrow::Schema>& schema() const = 0;
  /// Cost: one pass over the bytes; no allocation per record.
  /// Errors: only what no single record explains; a bad record is reported in `errors`.
  virtual Result<DecodedBlock> Decode(const RecordBlock& block) = 0;
};

/// Encoded values, one per row: bytes [offsets[i], offsets[i + 1]) of `bytes`, or null.
struct EncodedRows {
  std::string bytes;
  std::vector<std::int64_t> offsets;  ///< num_rows + 1 entries
  std::vector<bool> null;             ///< empty when none is null (else num_rows entries)

  std::int64_t num_rows() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
  BytesView row(std::int64_t i) const {
    const auto at = static_cast<std::size_t>(i);
    if (!null.empty() && null[at]) return {};
    return {bytes.data() + offsets[at], static_cast<std::int32_t>(offsets[at + 1] - offsets[at])};
  }
};

/// Turns columns into record values. One owner, one thread; buffers are reused between calls.
class Encoder {
 public:
  virtual ~Encoder() = default;
  /// One value per row. `out` is overwritten, its capacity reused.
  virtual Status Encode(const arrow::RecordBatch& rows, EncodedRows* out) = 0;
};

}  // namespace millrace
