#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <arrow/type_fwd.h>

#include "columnar/batch.h"
#include "expr/expr.h"

namespace millrace {

/// Errors of an expression as errors of rows, without those of tombstones: their columns are null by
/// definition. `tombstone` may be null.
std::vector<RowError> ToRowErrors(std::vector<ExprRowError> errors, const arrow::BooleanArray* tombstone);

/// Puts the errors of several expressions over one batch in row order, one per row: the first expression's
/// wins.
std::vector<RowError> MergeRowErrors(std::vector<std::vector<RowError>> errors);

/// The rows 0 to `rows` - 1 that have no error, ascending. `errors` are in row order.
std::vector<std::size_t> RowsWithoutError(std::int64_t rows, const std::vector<RowError>& errors);

}  // namespace millrace
