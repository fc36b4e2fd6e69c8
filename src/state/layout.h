#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace {

/// Row layout by table of "<table>=<row layout>" lines.
std::map<std::string, std::string> ParseLayout(std::string_view text);

/// Compares two layouts ("<table>=<row layout>" lines): what is stored must be named by `wanted` with the
/// same rows; tables that only `wanted` has are new and fine. Errors: user error that names the tables and
/// what can be done (K4).
Status CheckLayout(std::string_view stored, std::string_view wanted);

}  // namespace millrace
