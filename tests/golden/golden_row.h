#pragma once

#include <string_view>

#include "golden_case.h"

namespace millrace {

/// Reads one row; `line` has no leading spaces and no repetition. Errors: user error without a place.
Result<GoldenRow> ParseGoldenRow(std::string_view line);

/// Reads `name=value` pairs whose values are words or quoted text, unquoted.
Result<std::vector<std::pair<std::string, std::string>>> ParseParts(std::string_view line);

}  // namespace millrace
