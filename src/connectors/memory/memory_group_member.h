#pragma once

#include <memory>
#include <string>

#include "connect/group_member.h"
#include "connectors/memory/memory_log.h"

namespace millrace {

/// A GroupMember that reads `log`, read_committed. `log` must outlive it.
///
/// Poll returns at once whatever `wait` says, and takes part in rebalances: it revokes and rejoins in one
/// call and assigns in the first call after every other member has rejoined. Partitions are served in order,
/// each Poll starting after the one that was served last. Destroying it without Close removes it from the
/// group without callbacks, as a killed process after its session timeout.
std::unique_ptr<GroupMember> MakeMemoryGroupMember(MemoryLog* log, std::string group, std::string client_id);

}  // namespace millrace
