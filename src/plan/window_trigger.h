#pragma once

#include <cstdint>
#include <string>

#include "plan/plan.h"

namespace millrace {

/// A row may be in so many windows that have a trigger.
inline constexpr std::int64_t kMostTriggeredWindows = 1'000;

/// Why a window of this kind can have no trigger, and what to use instead; "" when it can.
std::string TriggerRefusal(const WindowStep& window);

}  // namespace millrace
