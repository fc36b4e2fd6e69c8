#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <arrow/type_fwd.h>

#include "ops/operator.h"

namespace millrace {

/// Of each row, what its strings, bytes and lists take. Cost: one pass over their offsets.
std::vector<std::int64_t> RowWidths(const arrow::RecordBatch& data);

/// Takes out the rows that have more than `most` bytes in `columns`, more than a row of state may take: dead
/// letters.
Status RemoveWideRows(std::span<const int> columns, std::int64_t most, Batch* batch, Output& output);

/// True when strings, bytes and lists of some row take more than `bytes`. Cost: one pass over their offsets.
bool HasRowWiderThan(std::int64_t bytes, const arrow::RecordBatch& data);

}  // namespace millrace
