#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/metrics.h"
#include "base/result.h"
#include "connect/feed.h"
#include "env/clock.h"

namespace millrace {

/// A source outside Kafka, and the topics that stand between it and the pipeline.
struct Feed {
  std::string source;          ///< name of the source in the plan
  std::string topic;           ///< gets the records, by key; the pipeline reads it
  std::string position_topic;  ///< of one partition: who is assigned that runs the source
  /// Consumer group of the processes that could run the source, and transactional.id of the one that does.
  std::string group;
  /// Clock and metrics outlive what it makes. Errors: user error for settings.
  std::function<Result<std::unique_ptr<FeedSource>>(const Clock&, MetricRegistry&)> make_source{};
  /// Instead of it, for a source that is told what there is: then `position_topic` and `group` are "". The
  /// inlet outlives what it makes, too.
  std::function<Result<std::unique_ptr<FeedReceiver>>(FeedInlet&, const Clock&, MetricRegistry&)>
      make_receiver{};
};

}  // namespace millrace
