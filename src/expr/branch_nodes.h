#pragma once

#include <utility>
#include <vector>

#include "expr/eval.h"

namespace millrace::expr_internal {

/// `case when ... then ... else ... end`. Conditions are bool, all results and `otherwise` have one type. A
/// branch that can fail is evaluated only on the rows that select it.
BoundNodePtr MakeCaseNode(std::vector<std::pair<BoundNodePtr, BoundNodePtr>> branches,
                          BoundNodePtr otherwise);

/// The first value that is not null. All of one type; an argument that can fail is evaluated only on the rows
/// where those before it are null.
BoundNodePtr MakeCoalesceNode(std::vector<BoundNodePtr> arguments);

/// Kleene `and` / `or`. The right side, when it can fail, is evaluated only on rows that the left side does
/// not decide.
BoundNodePtr MakeLogicNode(bool is_and, BoundNodePtr left, BoundNodePtr right);

}  // namespace millrace::expr_internal
