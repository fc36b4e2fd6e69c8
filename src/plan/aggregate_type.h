#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "base/result.h"

namespace millrace {

/// The type of an aggregate's result (W6, W8): counts are int64; sum is int64 for integers and float64 for
/// doubles; mean, variance, stddev, quantile and median are float64; collect and top_k are lists of `input`;
/// the others keep the type of `input`. `input` is null for count(), `order` for all but argmin and argmax.
/// Errors: user error when the function does not take these types, or is no window aggregate.
Result<std::shared_ptr<arrow::DataType>> AggregateResultType(
    std::string_view function, const std::shared_ptr<arrow::DataType>& input,
    const std::shared_ptr<arrow::DataType>& order = nullptr);

}  // namespace millrace
