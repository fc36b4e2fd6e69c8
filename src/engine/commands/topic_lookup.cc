#include "engine/commands/topic_lookup.h"

#include <vector>

#include "base/suggest.h"

namespace millrace {

Result<TopicDescription> FindTopic(Cluster& cluster, const std::string& topic) {
  MR_ASSIGN_OR_RETURN(const std::vector<TopicDescription> all, cluster.admin().List());
  std::vector<std::string> names;
  for (const TopicDescription& found : all) {
    if (found.name == topic) return found;
    names.push_back(found.name);
  }
  return Status::NotFound("there is no topic '" + topic + "'" + DidYouMean(topic, names));
}

}  // namespace millrace
