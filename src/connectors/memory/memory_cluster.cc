#include "connectors/memory/memory_cluster.h"

#include "connectors/memory/memory_changelog_reader.h"
#include "connectors/memory/memory_group_member.h"
#include "connectors/memory/memory_producer.h"

namespace millrace {

Result<std::unique_ptr<GroupMember>> MemoryCluster::MakeGroupMember(const std::string& group,
                                                                    const std::string& client_id) {
  return MakeMemoryGroupMember(log_, group, client_id);
}

Result<std::unique_ptr<Producer>> MemoryCluster::MakeProducer(const std::string& transactional_id) {
  return MakeMemoryProducer(log_, transactional_id);
}

Result<std::unique_ptr<ChangelogReader>> MemoryCluster::MakeChangelogReader() {
  return MakeMemoryChangelogReader(log_);
}

}  // namespace millrace
