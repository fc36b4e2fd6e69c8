#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "base/result.h"

namespace millrace {

/// The type of an aggregate's result (W6, W8): count is int64; sum is int64 for integers, decimal(38, s) for
/// decimals and float64 for doubles; mean is float64; min, max, first and last keep the type of `input`.
/// `input` is null for count(). Errors: user error when the function does not take that type, or is no window
/// aggregate.
Result<std::shared_ptr<arrow::DataType>> AggregateResultType(std::string_view function,
                                                             const std::shared_ptr<arrow::DataType>& input);

}  // namespace millrace
