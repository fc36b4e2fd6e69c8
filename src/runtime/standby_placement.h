#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "connect/group_admin.h"
#include "runtime/task_context.h"

namespace millrace {

/// A worker that is in the group now.
struct LiveSlot {
  std::string id;    ///< Slot::transactional_id
  std::string node;  ///< whose disk it keeps state on
  std::vector<TopicPartition> assigned;
};

/// The slots among the members of the group; what else is in it is left out.
std::vector<LiveSlot> LiveSlots(const std::string& app, std::span<const MemberDescription> members);

/// The tasks with state of which `node` is to keep a copy, when each is to have `copies` of them beside the
/// one that runs. By rendezvous hash over the live slots, best slot of a node first: who comes or goes moves
/// no copy but those that it gets or had. The node that runs a task keeps no copy of it.
///
/// nullopt: nobody has some task now, so the group is about to change; what is kept should stay.
std::optional<std::set<TaskId>> PlaceStandbys(const Topology& topology, const std::string& node,
                                              std::span<const LiveSlot> slots, int copies);

}  // namespace millrace
