#pragma once

#include <memory>

#include "ops/window_aggregate.h"

namespace millrace {

/// Tumbling and hopping windows that close by key (W5). The clock of a key is the greatest event time among
/// its rows so far; what counts as the watermark of W2 for a row is the greater one of its key's clock and
/// the watermark before it. A window and key is emitted with the row that moves the key's clock to its end +
/// grace, or, if none comes, when the watermark gets there; then the clock is dropped, for it is no greater.
///
/// The state is a row per pane and key, as in WindowAggregate, and one per key for its clock, which goes when
/// the watermark closes the pane that it lies in.
///
/// Invariants, beside those of MakeWindowAggregate:
///   1. A key has a clock exactly while it has a pane, and the clock lies in the last of its panes.
///   2. Results come in the order of the rows that close them; what the watermark before a row closes comes
///      before what the row itself closes. So they do not depend on where a batch ends (T5).
///
/// A row leaves as from MakeWindowAggregate, but an argument error comes before late: a row that fails moves
/// no clock.
Result<std::unique_ptr<Operator>> MakeKeyClosingWindow(WindowAggregateOptions options,
                                                       const std::shared_ptr<arrow::Schema>& input,
                                                       StateStore& store);

}  // namespace millrace
