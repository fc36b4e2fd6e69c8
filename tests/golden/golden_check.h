#pragma once

#include "golden_case.h"
#include "golden_run.h"

namespace millrace {

/// Compares what a run left behind with what the case lists; each difference is a failure of the current
/// test. `counters`: false where input may be read twice.
void CheckGoldenResult(const GoldenCase& golden, const GoldenResult& result, bool counters);

}  // namespace millrace
