#pragma once

#include <cstdint>
#include <string>

#include "plan/plan.h"

namespace millrace {

/// A row may be in so many windows that are looked at row by row: those with a trigger or running results.
inline constexpr std::int64_t kMostWindowsPerRow = 1'000;

/// How many windows a row would be in and the step that is needed, as half a sentence; "" when they are at
/// most kMostWindowsPerRow. Of hopping and count windows: a row is in one window of the other kinds, or in
/// those that other rows begin.
std::string TooManyWindows(const WindowStep& window);

/// Why the parts that each result of a count window is merged of are too many for the rows that lead to it;
/// "" when they are not.
std::string CountRefusal(const WindowStep& window);

/// Why a window cannot have running results; "" when it can, has none, or its trigger is refused for the
/// same.
std::string CurrentRefusal(const WindowStep& window);

}  // namespace millrace
