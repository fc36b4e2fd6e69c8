#pragma once

#include <string>

#include "expr/kernel.h"

namespace millrace::expr_internal {

/// The values of two columns of one type, or of int64, uint64 and double mixed: as the numbers they are,
/// without rounding one to the type of the other. NaN differs from everything, null gives null. `function` is
/// the Arrow name: "equal", "not_equal", "less", "less_equal", "greater", "greater_equal".
arrow::Result<arrow::Datum> CompareNumbers(const std::string& function, const arrow::Datum& left,
                                           const arrow::Datum& right, std::int64_t num_rows);

/// CompareNumbers of two arguments.
Kernel NumberComparison(std::string function);

}  // namespace millrace::expr_internal
