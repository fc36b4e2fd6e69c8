#pragma once

#include <cstdint>

#include <arrow/type_fwd.h>

namespace millrace {

/// True when strings, bytes and lists of some row take more than `bytes`. Cost: one pass over their offsets.
bool HasRowWiderThan(std::int64_t bytes, const arrow::RecordBatch& data);

}  // namespace millrace
