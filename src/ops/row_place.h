#pragma once

#include <compare>
#include <cstdint>

#include "ops/aggregator.h"

namespace millrace {

/// Where a value stands among the others of its group: by event time, then by origin and offset (T5); of
/// equal places the one that came first.
struct RowPlace {
  std::int64_t event_time_ms;
  std::uint64_t origin;
  std::int64_t offset;

  static RowPlace Of(const AggregateInput& input, std::size_t row) {
    return {input.event_times_ms[row], input.origin, input.offsets == nullptr ? -1 : input.offsets[row]};
  }
  friend auto operator<=>(const RowPlace&, const RowPlace&) = default;
};

}  // namespace millrace
