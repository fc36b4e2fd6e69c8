#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "ops/aggregator.h"
#include "ops/group_update.h"

namespace millrace {

/// One aggregator per spec, in order. Errors: user error that names the result column.
Result<std::vector<std::unique_ptr<Aggregator>>> MakeAggregators(
    const std::vector<WindowAggregateSpec>& aggregates);

/// "n = count(), total = sum(price) of int64": what must stay the same for states on disk to be readable
/// (K4), on one line.
std::string AggregatesLayout(const std::vector<WindowAggregateSpec>& aggregates);

}  // namespace millrace
