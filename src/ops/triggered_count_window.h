#pragma once

#include <memory>

#include "ops/window_aggregate.h"

namespace millrace {

/// A count window that has a trigger: `options.trigger` is set.
///
/// Which rows of its key a window takes does not depend on what fires: a window that begins anew still ends
/// with its last row. Each window is a group of its own, in slices by its number, beside a row per key that
/// counts its rows. The cost of a row grows with count / count_step. Otherwise as MakeCountWindow.
Result<std::unique_ptr<Operator>> MakeTriggeredCountWindow(WindowAggregateOptions options,
                                                           const std::shared_ptr<arrow::Schema>& input,
                                                           StateStore& store);

}  // namespace millrace
