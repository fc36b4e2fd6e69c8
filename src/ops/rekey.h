#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ops/operator.h"

namespace millrace {

/// What becomes of rows in which a key column is null (K1).
enum class NullKeyPolicy { kError, kDrop, kGroup };

/// Makes columns the key: Batch::key becomes their canonical bytes (K1). Tombstones are dropped and counted
/// as absorbed: their columns are unknown, and a keyed aggregate ignores them (R2). Errors: user error when a
/// column is missing or its type cannot be a key.
Result<std::unique_ptr<Operator>> MakeRekey(const std::vector<std::string>& columns, NullKeyPolicy null_key,
                                            std::shared_ptr<arrow::Schema> input);

}  // namespace millrace
