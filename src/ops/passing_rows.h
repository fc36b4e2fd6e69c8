#pragma once

#include <cstdint>
#include <vector>

#include "columnar/key_encoding.h"
#include "ops/operator.h"

namespace millrace {

/// Emits the rows of `batch` where `passes` is not 0, under the keys `keys` (canonical bytes, K1), which are
/// taken; the others are counted as absorbed. Preconditions: one entry of both per row.
Status EmitPassing(Batch batch, const std::vector<std::uint8_t>& passes, KeyBuffer* keys, Output& output);

}  // namespace millrace
