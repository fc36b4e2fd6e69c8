#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/duration.h"
#include "base/metrics.h"
#include "base/result.h"
#include "connect/cluster.h"
#include "env/clock.h"

namespace millrace {

/// How a command without a pipeline finds its cluster.
struct ClusterChoice {
  /// Takes the `kafka:` section of this pipeline file; "" for none.
  std::string file;
  /// bootstrap.servers; wins over the file. Default: $KAFKA, else localhost:9092.
  std::string broker;
  /// More librdkafka properties, each "key=value"; they win over the file.
  std::vector<std::string> properties;
  Duration startup_timeout{10'000};
};

/// The librdkafka properties of a choice. Errors: user error for the file or a property.
Result<std::map<std::string, std::string>> PropertiesOf(const ClusterChoice& choice);

/// Connects, waiting for a broker with a log line now and then. `clock` and `metrics` must outlive the
/// cluster. Errors: kUnavailable after the time-out; user error for properties; kPermissionDenied.
Result<std::unique_ptr<Cluster>> ConnectCluster(const std::map<std::string, std::string>& properties,
                                                Duration startup_timeout, const Clock& clock,
                                                MetricRegistry& metrics);

}  // namespace millrace
