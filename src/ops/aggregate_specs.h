#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ops/aggregator.h"
#include "ops/group_update.h"

namespace millrace {

/// One aggregator per spec, in order. Errors: user error that names the result column.
Result<std::vector<std::unique_ptr<Aggregator>>> MakeAggregators(
    const std::vector<WindowAggregateSpec>& aggregates);

/// How the layout of the state of a user's aggregate begins, behind its column.
inline constexpr std::string_view kUserStateLayout = "user ";

/// "n = count(), total = sum(price) of int64, s = user v1 16 bytes spread(price) of double": what must stay
/// the same for states on disk to be readable (K4), on one line.
std::string AggregatesLayout(const std::vector<WindowAggregateSpec>& aggregates);

}  // namespace millrace
