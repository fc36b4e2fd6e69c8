#pragma once

#include "expr/kernel.h"
#include "expr/types.h"

namespace millrace::expr_internal {

/// Whether CastText reads texts as this type.
bool ReadsText(const arrow::DataType& target);

/// Reads the first argument, utf8, as `target`: bool, a number but no decimal, a timestamp or a date. Rows
/// that cannot be read fail one by one, so that dirty columns need no bisection.
arrow::Result<arrow::Datum> CastText(const KernelCall& call, const TypePtr& target);

}  // namespace millrace::expr_internal
