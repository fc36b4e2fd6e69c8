#pragma once

#include <cstdint>
#include <memory>

#include "ops/window_aggregate.h"

namespace millrace {

/// The slice of a count window's table that has a row per key, which counts its rows; below all slices of
/// panes, which stand by their number.
inline constexpr std::int64_t kCountersOfRows = -1;

/// Count windows (W4): `options.count` rows of a key in the order in which they come, one window beginning
/// every `options.count_step` rows. A result comes with the last row of its window; event time is not looked
/// at, so no row is late. window_start is the least event time in the window, window_end the greatest and 1
/// ms.
///
/// The rows of a key are numbered from 0 and cut into panes as windows of time are, so that a row is stored
/// once. State: a row per key that counts, and a row per pane that an unfinished window needs.
///
/// Contract as MakeWindowAggregate, of which this is a part. A row whose sum would overflow is a dead letter
/// and still counts as one of the rows of its window.
Result<std::unique_ptr<Operator>> MakeCountWindow(WindowAggregateOptions options,
                                                  const std::shared_ptr<arrow::Schema>& input,
                                                  StateStore& store);

}  // namespace millrace
