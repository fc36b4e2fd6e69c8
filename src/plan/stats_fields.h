#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// Text of the type that a metric of Snap's statistics has as a column: int64, float64 or, for money,
/// decimal(20, 6); "" for one that is not known.
std::string_view StatsFieldType(std::string_view name);

/// Names of all metrics that are known.
std::vector<std::string> StatsFieldNames();

}  // namespace millrace
