#pragma once

#include <vector>

#include "plan/plan.h"

namespace millrace {

/// Fields that `map` and `leave_out` of sinks for conversion events speak of and that there are not, and
/// those that they speak of twice: all of them, whatever else is wrong with the plan. Precondition: nodes are
/// named.
std::vector<PlacedMessage> FindEventFieldMistakes(const Plan& plan);

}  // namespace millrace
