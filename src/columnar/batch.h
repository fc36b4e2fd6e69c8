#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/ids.h"
#include "base/result.h"
#include "columnar/record_block.h"

namespace millrace {

/// Which input rows a batch came from. first > last when it came from no input (a window that closed).
struct Origin {
  TopicPartition partition;
  Offset first{0};
  Offset last{-1};
};

/// Rows on their way through a pipeline: an Arrow RecordBatch with what Kafka keeps beside a value.
///
/// A value type; the columns are immutable and shared, so copies are cheap. All arrays have num_rows()
/// entries. A batch never mixes partitions. Rows keep the order of their partition.
struct Batch {
  /// Payload columns.
  std::shared_ptr<arrow::RecordBatch> data;
  /// int64, ms since the epoch, no nulls (T1).
  std::shared_ptr<arrow::Int64Array> event_time;
  /// int64 ms, no nulls: the partition's watermark before each row (T2b). Null pointer: `watermark` for every
  /// row.
  std::shared_ptr<arrow::Int64Array> watermark_before;
  /// Watermark of the task after the last row of this batch.
  Watermark watermark = kNoWatermark;
  /// Message key bytes, nullable. After group_by the canonical bytes of the new key (K1). Null pointer: all
  /// keys null.
  std::shared_ptr<arrow::BinaryArray> key;
  /// True where the record had a null value (R2). Null pointer: no tombstone in this batch.
  std::shared_ptr<arrow::BooleanArray> tombstone;
  /// The records these rows were decoded from, for dead letters, headers and raw bytes; null for rows that
  /// have none.
  std::shared_ptr<const RecordBlock> block;
  /// int32: the record in `block` of each row. Null pointer: row i is record i.
  std::shared_ptr<arrow::Int32Array> record;
  /// int64, no nulls: how many rows each row stands for, of partial aggregates between a partial_aggregate
  /// and its window (K2a). Null pointer: one each.
  std::shared_ptr<arrow::Int64Array> stands_for;
  Origin origin;

  std::int64_t num_rows() const;
  /// The rows that its rows stand for: what the books of R4 count.
  std::int64_t rows_behind() const;
  /// Record index in `block` of `row`. Precondition: block != nullptr.
  std::int64_t RecordOf(std::int64_t row) const;
  /// Offset of the record of `row`, or kNoOffset without a block.
  Offset OffsetOf(std::int64_t row) const;

  /// The same rows with other payload columns. Precondition: same row count.
  Batch WithData(std::shared_ptr<arrow::RecordBatch> new_data) const;
};

/// Aborts when an array's length or type breaks the contract of Batch: called once per batch at module
/// borders.
void CheckBatch(const Batch& batch);

/// Rows where `keep` is true (null drops). All side columns follow.
Result<Batch> FilterBatch(const Batch& batch, const arrow::BooleanArray& keep);
/// The rows `indices` (int32, no nulls), in that order, repeats allowed.
Result<Batch> TakeRows(const Batch& batch, const std::shared_ptr<arrow::Int32Array>& indices);
/// Rows [offset, offset + length), zero copy.
Batch SliceBatch(const Batch& batch, std::int64_t offset, std::int64_t length);

/// One row that could not be processed: becomes a dead letter (R3).
struct RowError {
  std::int64_t row = 0;
  /// Short machine-readable class: "decode", "cast", "divide_by_zero", "overflow", "null_key", "not_null",
  /// "future".
  std::string error_class;
  /// One sentence; names the column or expression, never topic or offset (the task adds them).
  std::string message;
};

/// `batch` without the rows named in `errors` (ascending by row, no repeats).
Result<Batch> WithoutRows(const Batch& batch, std::span<const RowError> errors);

}  // namespace millrace
