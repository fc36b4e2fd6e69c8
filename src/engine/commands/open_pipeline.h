#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/duration.h"
#include "base/metrics.h"
#include "base/result.h"
#include "connect/cluster.h"
#include "engine/commands/command.h"
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

/// Reads the file, connects, and gives `body` the pipeline with its cluster. Reports what fails: wrong use
/// when the file cannot be loaded, else as Report does. `kafka`: properties that the file may overrule.
Exit WithPipeline(const std::string& file, Duration startup_timeout, CommandIo& io,
                  const std::function<Status(OpenPipeline&)>& body,
                  const std::map<std::string, std::string>& kafka = {});

}  // namespace millrace
