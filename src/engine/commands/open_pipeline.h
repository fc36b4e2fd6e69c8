#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/duration.h"
#include "base/metrics.h"
#include "base/result.h"
#include "connect/cluster.h"
#include "env/clock.h"
#include "plan/plan.h"

namespace millrace {

/// A pipeline with its cluster.
struct OpenPipeline {
  SystemClock clock;
  MetricRegistry metrics;
  Plan plan;
  std::unique_ptr<Cluster> cluster;
};

/// Reads the file and connects. `kafka`: properties that the file may overrule. Errors: those of LoadPipeline
/// and ConnectCluster.
Result<std::unique_ptr<OpenPipeline>> OpenPipelineFile(const std::string& file, Duration startup_timeout,
                                                       const std::map<std::string, std::string>& kafka = {});

}  // namespace millrace
