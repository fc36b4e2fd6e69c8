#pragma once

#include <map>
#include <memory>
#include <string>

#include "connectors/snapchat/snap_access.h"
#include "plan/plan.h"
#include "runtime/feed.h"

namespace millrace {

/// The feed of a source outside Kafka that has been declared (DeclareFeeds).
/// `accesses`: shared with sinks and other sources.
Feed MakeFeed(const std::string& app, const std::string& name, const KafkaSource& source,
              std::shared_ptr<SnapAccesses> accesses);

/// Names of its topics, with their settings.
std::map<std::string, std::map<std::string, std::string>> FeedTopicsOf(const Feed& feed,
                                                                       const OutsideSource& source);

}  // namespace millrace
