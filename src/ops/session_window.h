#pragma once

#include <memory>

#include "ops/window_aggregate.h"

namespace millrace {

/// Session windows (W4): rows of a key that are less than `options.size` (the gap) apart share one, and a row
/// between two sessions merges them. A session is [first, last + gap) and closes when watermark >= its end +
/// grace.
///
/// Contract as MakeWindowAggregate, of which this is a part; state is one row per session. A row is late when
/// it reaches no open session and its own would be closed. A row whose sum would overflow, or on which the
/// trigger fails, is a dead letter and still holds its session together. A session that fired goes on and
/// begins its aggregates anew. Closing by key needs no state of its own: the newest open session of a key has
/// its clock.
class SessionWindow;

Result<std::unique_ptr<Operator>> MakeSessionWindow(WindowAggregateOptions options,
                                                    const std::shared_ptr<arrow::Schema>& input,
                                                    StateStore& store);

}  // namespace millrace
