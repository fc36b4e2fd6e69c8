#include "expr/function.h"

namespace millrace::expr_internal {

// Their arguments are evaluated only on the rows that need them, so the binder makes nodes of their own for
// them.
std::vector<ScalarFunction> ConditionalFunctions() {
  using P = Param;
  return {
      {"if",
       "if(bool condition, value [, otherwise]) -> value",
       "The value where the condition is true, else the other one or null.",
       "if(1 > 2, 'a', 'b') = 'b'",
       {P::kBool, P::kAny, P::kAny},
       2,
       false,
       nullptr},
      {"coalesce",
       "coalesce(value, ...) -> value",
       "The first value that is not null.",
       "coalesce(null, 2, 3) = 2",
       {P::kAny},
       1,
       true,
       nullptr},
      {"nullif",
       "nullif(a, b) -> value",
       "Null where a equals b, else a.",
       "nullif('-', '-') is null",
       {P::kAny, P::kAny},
       2,
       false,
       nullptr},
  };
}

}  // namespace millrace::expr_internal
