#pragma once

#include <memory>
#include <string>

#include "ops/operator.h"

namespace millrace {

/// One row per element of a list column, which becomes a column of the element type; other columns repeat. A
/// null or empty list gives no row (counted as filtered), or one row with null when `keep_empty`. Tombstones
/// pass as one row. Errors: user error when the column is missing or no list.
Result<std::unique_ptr<Operator>> MakeExplode(const std::string& column, bool keep_empty,
                                              const arrow::Schema& input);

}  // namespace millrace
