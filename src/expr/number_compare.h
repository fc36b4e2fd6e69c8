#pragma once

#include "expr/kernel.h"

namespace millrace::expr_internal {

enum class Comparison { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

/// The values of two columns of one type, or of int64, uint64 and double mixed: as the numbers they are,
/// without rounding one to the type of the other. NaN differs from everything, null gives null.
arrow::Result<arrow::Datum> CompareNumbers(Comparison comparison, const arrow::Datum& left,
                                           const arrow::Datum& right, std::int64_t num_rows);

/// CompareNumbers of two arguments.
Kernel NumberComparison(Comparison comparison);

}  // namespace millrace::expr_internal
