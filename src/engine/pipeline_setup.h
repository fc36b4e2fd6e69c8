#pragma once

#include <iosfwd>
#include <memory>

#include "base/result.h"
#include "connect/cluster.h"
#include "env/clock.h"
#include "plan/plan.h"
#include "runtime/topology.h"

namespace millrace {

/// A plan that is ready to run on a cluster.
struct ReadyPipeline {
  AnalyzedPlan analyzed;
  Topology topology;
};

/// Takes a plan as written to the point where workers can start: finds the source topics, infers undeclared
/// schemas (R7), type-checks, compiles, and makes internal topics and, when `create_topics` allows, output
/// topics. An internal topic whose partition count no longer fits is refused. `clock` and `console` (may be
/// null: then no console sinks) outlive the result. Errors: user error saying what to do; kUnavailable when
/// no broker answers.
Result<ReadyPipeline> SetUpPipeline(Plan plan, Cluster& cluster, const Clock& clock, std::ostream* console);

}  // namespace millrace
