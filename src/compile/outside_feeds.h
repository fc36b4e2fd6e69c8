#pragma once

#include <string>

#include "plan/plan.h"
#include "runtime/feed.h"

namespace millrace {

/// The feed of a source outside Kafka that has been declared (DeclareFeeds).
Feed MakeFeed(const std::string& app, const std::string& name, const KafkaSource& source);

}  // namespace millrace
