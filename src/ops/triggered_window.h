#pragma once

#include <memory>

#include "ops/window_aggregate.h"

namespace millrace {

/// A tumbling or hopping window that has a trigger, closing by partition or key: `options.trigger` is set.
///
/// Here each window is a group of its own, a slice of the table per window start: one window begins anew
/// while those that overlap it go on, so nothing can be shared. A row is added to each of its open windows:
/// the cost grows with size / step. Otherwise as MakeWindowAggregate. A row that fails in one window is a
/// dead letter and still counts in the others.
Result<std::unique_ptr<Operator>> MakeTriggeredWindow(WindowAggregateOptions options,
                                                      const std::shared_ptr<arrow::Schema>& input,
                                                      StateStore& store);

}  // namespace millrace
