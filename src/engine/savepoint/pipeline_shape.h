#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "connect/cluster.h"
#include "env/clock.h"
#include "plan/plan.h"
#include "runtime/topology.h"

namespace millrace {

/// A plan as its workers run it on a cluster, for somebody who only looks.
struct PipelineShape {
  AnalyzedPlan analyzed;
  Topology topology;
};

/// With the partition counts that its source topics have now. Makes and writes nothing. Errors: user error
/// for the plan or a missing topic; those of the cluster.
Result<PipelineShape> ShapeNow(const Plan& plan, Cluster& cluster, const Clock& clock);
/// With the partition counts that its internal topics were made for: those of the source topics may have
/// grown since. Errors: also user error when the internal topics fit no partition counts.
Result<PipelineShape> ShapeOfState(const Plan& plan, Cluster& cluster, const Clock& clock);

/// The step of "<app>-<step>-repartition".
std::string StepOfRepartition(const std::string& topic, const std::string& app);

}  // namespace millrace
