#pragma once

#include "expr/kernel.h"

namespace millrace::expr_internal {

/// a % b with the sign of a; int64, uint64, float or double. Integers: zero divisors fail.
arrow::Result<arrow::Datum> Modulo(const KernelCall& call);

/// a - b in milliseconds as int64, towards minus infinity; two timestamps of one unit.
arrow::Result<arrow::Datum> MillisecondsBetween(const KernelCall& call);

/// a - b in days as int64; two date32.
arrow::Result<arrow::Datum> DaysBetween(const KernelCall& call);

/// x >= low and x <= high; three of types that CompareNumbers takes.
arrow::Result<arrow::Datum> Between(const KernelCall& call);

/// a <> b where null is a value like any other.
arrow::Result<arrow::Datum> IsDistinctFrom(const KernelCall& call);

/// The second argument, null where the first is true.
arrow::Result<arrow::Datum> NullWhere(const KernelCall& call);

/// The rows' number of days or time units as int64, whatever the 32- or 64-bit type they have.
arrow::Result<arrow::Datum> AsInt64(const arrow::Datum& value);

}  // namespace millrace::expr_internal
