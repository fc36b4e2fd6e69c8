#pragma once

#include <memory>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "millrace/user_aggregate.h"

namespace millrace {

/// The type of the result of a user's aggregate over values of `argument`.
/// Errors: user error when its name cannot be written as a call or is a built-in function's, or when it does
/// not take `argument`.
Result<std::shared_ptr<arrow::DataType>> UserAggregateResultType(
    const UserAggregate& user, const std::shared_ptr<arrow::DataType>& argument);

}  // namespace millrace
