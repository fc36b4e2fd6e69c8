#pragma once

#include <ostream>

#include "plan/plan.h"
#include "runtime/topology.h"

namespace millrace {

/// What `explain` prints, as one JSON object: settings, sources, steps and sinks with their columns, where
/// the state of each step is kept, sub-topologies and internal topics. Values of secret properties are
/// redacted.
void WriteExplainJson(const AnalyzedPlan& plan, const Topology& topology, std::ostream& out);

}  // namespace millrace
