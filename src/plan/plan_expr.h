#pragma once

#include "expr/expr.h"
#include "plan/source_location.h"

namespace millrace {

/// An expression with the place it was written.
struct PlanExpr {
  Expr expr;
  SourceLocation location;
  bool unread = false;  ///< the text is no expression, which was reported
};

}  // namespace millrace
