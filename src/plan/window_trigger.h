#pragma once

#include <string>

#include "plan/plan.h"

namespace millrace {

/// Why a window of this kind can have no trigger, and what to use instead; "" when it can.
std::string TriggerRefusal(const WindowStep& window);

}  // namespace millrace
