#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include "base/result.h"

namespace millrace {

/// The same error in our dialect: Invalid and TypeError are user errors, out-of-memory is a bound, the rest
/// is a bug.
Status FromArrow(const arrow::Status& status);

}  // namespace millrace

/// Returns from the enclosing function when `expr` (an arrow::Status) is not ok.
#define MR_RETURN_IF_ARROW_ERROR(expr)                                     \
  do {                                                                     \
    if (::arrow::Status mr_arrow_status_ = (expr); !mr_arrow_status_.ok()) \
      return ::millrace::FromArrow(mr_arrow_status_);                      \
  } while (false)

/// MR_ASSIGN_OR_RETURN for an arrow::Result.
#define MR_ASSIGN_ARROW(lhs, expr) MR_ASSIGN_ARROW_IMPL(MR_CONCAT(mr_arrow_result_, __LINE__), lhs, expr)
#define MR_ASSIGN_ARROW_IMPL(result, lhs, expr)                    \
  auto result = (expr);                                            \
  if (!result.ok()) return ::millrace::FromArrow(result.status()); \
  lhs = std::move(result).ValueUnsafe()
