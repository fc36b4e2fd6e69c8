#pragma once

#include <string>
#include <vector>

#include "plan/plan.h"

namespace millrace {

/// What is wrong with the lengths, counts and clock of a window: a sentence each.
std::vector<std::string> WindowSettingMistakes(const WindowStep& window);

}  // namespace millrace
