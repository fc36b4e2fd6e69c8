#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>

#include "base/metrics.h"
#include "base/result.h"
#include "env/clock.h"
#include "plan/plan.h"
#include "runtime/topology.h"

namespace millrace {

struct CompileOptions {
  /// Partition count of every source topic.
  std::map<std::string, std::int32_t> source_partitions;
  const Clock* clock = nullptr;     ///< outlives the topology
  std::ostream* console = nullptr;  ///< where console sinks print; outlives the topology. null: nowhere
  MetricRegistry* metrics =
      nullptr;  ///< of sinks that deliver to a service; outlives the topology. null: nobody looks
};

/// Turns a checked plan into what workers run: cuts it into sub-topologies, names internal topics and state
/// (K3, K4), and makes factories for readers, operators and sinks. Everything a task will need is tried once
/// here, so that what can be wrong is reported before anything starts. Errors: user error with the location
/// of the step.
Result<Topology> CompilePlan(const AnalyzedPlan& analyzed, const CompileOptions& options);

}  // namespace millrace
