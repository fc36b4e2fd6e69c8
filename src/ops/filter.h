#pragma once

#include <memory>

#include "expr/expr.h"
#include "ops/operator.h"

namespace millrace {

/// Keeps the rows whose predicate is true; false and null are dropped and counted (R2). A tombstone passes,
/// so that a deletion reaches the sinks whatever the predicate says of its null columns. Errors: user error
/// when the predicate is not boolean.
Result<std::unique_ptr<Operator>> MakeFilter(BoundExpr predicate, std::shared_ptr<arrow::Schema> input);

}  // namespace millrace
