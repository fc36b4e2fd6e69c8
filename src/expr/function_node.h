#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "expr/eval.h"
#include "expr/kernel.h"

namespace millrace::expr_internal {

/// Failing rows of one node that are looked for by bisection; after so many every row is tried by itself.
inline constexpr std::size_t kMaxBisectedFailures = 64;

struct FunctionCall {
  Kernel kernel;
  std::vector<BoundNodePtr> arguments;
  /// Arguments that must stay scalars because the kernel reads options from them.
  std::vector<bool> is_option = {};
  bool can_fail = false;
  /// Class of a failing row unless the kernel says otherwise; a literal.
  std::string_view error_class = "expression";
  /// Failing rows are null and not reported.
  bool null_on_error = false;
  /// How it was written, for messages.
  std::string text;
  int position = 0;
};

/// A node that applies a kernel; a constant when all arguments are and it does not fail.
/// Errors: user error when the kernel refuses the arguments (bad regular expression, type it has no code
/// for).
Result<BoundNodePtr> MakeFunctionNode(FunctionCall call);

}  // namespace millrace::expr_internal
