#pragma once

#include <cstdint>
#include <vector>

#include <arrow/type_fwd.h>

namespace millrace {

/// The first millisecond at or after each of `times`, timestamps of any unit: a row that ends within a
/// millisecond is there until the next. ExpirySchedule::kNever where there is no time, of tombstones, and
/// for times beyond int64. `tombstone` may be null.
void RowEnds(const arrow::Array& times, const arrow::BooleanArray* tombstone, std::vector<std::int64_t>* out);

}  // namespace millrace
