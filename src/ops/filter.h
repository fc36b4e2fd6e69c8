#pragma once

#include <memory>

#include "expr/expr.h"
#include "ops/operator.h"

namespace millrace {

/// Keeps the rows whose predicate is true; false and null are dropped and counted, and so are tombstones for
/// which it is not true (R2). The predicate is bound to WithTombstoneField(input). Errors: user error when it
/// is not boolean.
Result<std::unique_ptr<Operator>> MakeFilter(BoundExpr predicate, std::shared_ptr<arrow::Schema> input);

}  // namespace millrace
