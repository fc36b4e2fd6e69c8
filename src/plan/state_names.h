#pragma once

#include <string>
#include <vector>

#include "plan/plan.h"

namespace millrace {

/// The table in which a sink for conversion events remembers the events that were sent, and that of orders.
std::string EventsTable(const std::string& sink);
std::string OrdersTable(const std::string& sink);

/// What stands in front of the sink and absorbs repeats, in metrics and errors.
std::string RepeatsStep(const std::string& sink);

/// What the state of a node is called, in whichever tables it may have some (K4): by the node itself, also
/// where it has none at present.
std::vector<std::string> StateNamesOf(const PlanNode& node);

}  // namespace millrace
