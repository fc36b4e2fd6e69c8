#pragma once

#include <functional>

#include "base/duration.h"
#include "base/status.h"
#include "connectors/kafka/kafka_cluster.h"
#include "env/clock.h"

namespace millrace {

/// Waits until a broker answers, with a log line every few seconds that says who was asked how often, the
/// time that is left and the last error, and notices within a second when `stopped` says so. Errors:
/// kUnavailable after `timeout`; kCancelled when stopped; kPermissionDenied at once.
Status AwaitBroker(KafkaCluster& cluster, Duration timeout, const Clock& clock,
                   const std::function<bool()>& stopped);

}  // namespace millrace
