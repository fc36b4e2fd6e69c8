#pragma once

#include <compare>
#include <cstdint>

#include <arrow/array/array_primitive.h>

#include "columnar/batch.h"
#include "ops/aggregator.h"

namespace millrace {

/// Where a row or value stands among the others of its group, however partitions interleave: by event time,
/// then by origin and offset (T5); of equal places the one that came first.
struct RowPlace {
  std::int64_t event_time_ms;
  std::uint64_t origin;  ///< OriginRank
  std::int64_t offset;   ///< -1 for rows of no record

  static RowPlace Of(const AggregateInput& input, std::size_t row) {
    return {input.event_times_ms[row], input.origin, input.offsets == nullptr ? -1 : input.offsets[row]};
  }
  /// `origin`: OriginRank(batch).
  static RowPlace Of(const Batch& batch, std::uint64_t origin, std::int64_t row) {
    const std::int64_t offset = batch.block == nullptr ? -1 : batch.OffsetOf(row).value();
    return {.event_time_ms = batch.event_time->Value(row), .origin = origin, .offset = offset};
  }
  friend auto operator<=>(const RowPlace&, const RowPlace&) = default;
};

/// Topic and partition of the records of a batch, or of the task that made its rows, as a number that orders
/// origins the same way in every process. Of rows that moved, where they came from: it must not matter which
/// partition was faster (T5).
std::uint64_t OriginRank(const Batch& batch);

}  // namespace millrace
