#pragma once

#include <iosfwd>
#include <memory>

#include "base/duration.h"
#include "base/result.h"
#include "connect/cluster.h"
#include "env/clock.h"
#include "env/thread.h"
#include "plan/plan.h"
#include "runtime/topology.h"

namespace millrace {

/// A plan that is ready to run on a cluster.
struct ReadyPipeline {
  AnalyzedPlan analyzed;
  Topology topology;
};

/// `clock` and `console` outlive the pipeline.
struct SetupOptions {
  const Clock* clock = nullptr;
  std::ostream* console = nullptr;    ///< null: console sinks print nowhere
  MetricRegistry* metrics = nullptr;  ///< CompileOptions::metrics
  /// How long a cluster may refuse for the time being (a controller that moves, brokers that are still
  /// starting) before that is an error.
  Duration patience{0};
  StopToken stop{};  ///< ends the waiting
};

/// Takes a plan as written to the point where workers can start: finds the source topics, infers undeclared
/// schemas (R7), type-checks, compiles, and makes internal topics and, when `create_topics` allows, output
/// topics. An internal topic whose partition count no longer fits is refused. A plan that is refused leaves
/// no new topic behind, but the one for inferred schemas. The cluster's producers know from then on how much
/// the topics take that the pipeline writes to. Errors: user error saying what to do; kUnavailable or
/// kTimeout when the cluster does not answer as it should within `patience`; kCancelled when stopped.
Result<ReadyPipeline> SetUpPipeline(const Plan& plan, Cluster& cluster, const SetupOptions& options);

}  // namespace millrace
