#pragma once

#include <memory>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "ops/group_update.h"
#include "plan/plan.h"

namespace millrace {

/// The aggregates of a step, over rows of `input`. Errors: user error of an expression.
Result<std::vector<WindowAggregateSpec>> AggregateSpecs(const std::vector<WindowAggregateColumn>& columns,
                                                        const std::shared_ptr<arrow::Schema>& input);

}  // namespace millrace
