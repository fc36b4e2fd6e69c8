#pragma once

#include <string>

#include "base/result.h"
#include "connect/cluster.h"

namespace millrace {

/// Finds a topic by the list of all, which every broker answers, the embedded one of another process
/// included; name and partition count only. Errors: kNotFound with a "did you mean".
Result<TopicDescription> FindTopic(Cluster& cluster, const std::string& topic);

}  // namespace millrace
