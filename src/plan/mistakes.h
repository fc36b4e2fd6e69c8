#pragma once

#include <cstddef>
#include <vector>

#include "base/status.h"
#include "plan/plan.h"

namespace millrace {

/// More mistakes than these are only counted.
inline constexpr std::size_t kMistakesShown = 20;

/// Everything that AnalyzePlan would find wrong with the plan, but that schemas are missing. Each mistake is
/// reported where it was made: a step that has one passes on what is known of its columns (UnknownType), and
/// what follows from that alone is no mistake. What reading the plan reported (PlanNode::understood) is not
/// repeated.
std::vector<PlacedMessage> FindMistakes(Plan plan);

/// Ok when there are none; else one user error with a line "file:line:column: message" for each, in the order
/// of the file, without repeats, at most kMistakesShown.
Status MistakesStatus(std::vector<PlacedMessage> mistakes);

}  // namespace millrace
