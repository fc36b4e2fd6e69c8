#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "snap_server/json_value.h"

namespace millrace::snap {

/// Dimensions of a parameter `report_dimension`, such as "country" or "age,gender"; none for "".
/// Errors: user error for one that there is not, and for dimensions that figures are not divided by together.
Result<std::vector<std::string>> ReadDimensions(std::string_view text);

/// {"impressions": 10, "frequency": 2.5} along "os" to [{"os": "ios", "impressions": 6, "frequency": 2.5},
/// ...]: whole numbers add up to those given, the others are the same in all parts. Precondition: dimensions
/// as ReadDimensions gives them, at least one.
json::array Divide(const json::object& figures, const std::vector<std::string>& dimensions);

}  // namespace millrace::snap
