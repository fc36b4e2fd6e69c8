#pragma once

#include <vector>

#include "plan/plan.h"

namespace millrace {

/// Fields that `map` and `leave_out` of sinks for conversion events speak of and that there are not, and
/// those that they speak of twice: all of them, whatever else is wrong with the plan. Precondition: nodes are
/// named.
std::vector<PlacedMessage> FindEventFieldMistakes(const Plan& plan);

/// What is wrong with the values of these fields: types that a field cannot take, names of events that Snap
/// does not know, and sinks none of whose events Snap would take. All of them, each at its expression.
/// Preconditions: every source of JSON has a schema; nothing else is wrong with the plan.
std::vector<PlacedMessage> FindEventValueMistakes(const Plan& plan);

}  // namespace millrace
