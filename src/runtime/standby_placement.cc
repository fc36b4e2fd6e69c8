#include "runtime/standby_placement.h"

#include <algorithm>
#include <map>
#include <utility>

#include "connect/murmur2.h"
#include "runtime/slot.h"

namespace millrace {
namespace {

/// The node that holds the inputs of a task; "": nobody, or not all of them.
std::string NodeOf(const SubTopology& sub, Partition partition, std::span<const LiveSlot> slots) {
  for (const LiveSlot& slot : slots) {
    const bool has_all =
        std::all_of(sub.input_topics.begin(), sub.input_topics.end(), [&](const std::string& topic) {
          return std::find(slot.assigned.begin(), slot.assigned.end(), TopicPartition{topic, partition}) !=
                 slot.assigned.end();
        });
    if (has_all) return slot.node;
  }
  return "";
}

/// The nodes but `running`, best first.
std::vector<std::string> Ranked(const std::string& task, const std::string& running,
                                std::span<const LiveSlot> slots) {
  std::map<std::string, std::uint32_t> best;
  for (const LiveSlot& slot : slots) {
    if (slot.node == running) continue;
    std::uint32_t& score = best[slot.node];
    score = std::max(score, Murmur2(task + "/" + slot.id));
  }
  std::vector<std::string> nodes;
  nodes.reserve(best.size());
  for (const auto& [node, score] : best) nodes.push_back(node);
  std::stable_sort(nodes.begin(), nodes.end(),
                   [&best](const std::string& a, const std::string& b) { return best.at(a) > best.at(b); });
  return nodes;
}

}  // namespace

std::vector<LiveSlot> LiveSlots(const std::string& app, std::span<const MemberDescription> members) {
  std::vector<LiveSlot> slots;
  for (const MemberDescription& member : members) {
    const std::string node = Slot::NodeOf(app, member.client_id);
    if (!node.empty()) slots.push_back({member.client_id, node, member.assigned});
  }
  return slots;
}

std::optional<std::set<TaskId>> PlaceStandbys(const Topology& topology, const std::string& node,
                                              std::span<const LiveSlot> slots, int copies) {
  std::set<TaskId> placed;
  for (std::size_t s = 0; s < topology.sub_topologies.size(); ++s) {
    const SubTopology& sub = topology.sub_topologies[s];
    if (sub.tables.empty()) continue;
    for (std::int32_t p = 0; p < sub.partitions; ++p) {
      const TaskId id{s, Partition(p)};
      const std::string running = NodeOf(sub, id.partition, slots);
      if (running.empty()) return std::nullopt;
      const std::vector<std::string> nodes = Ranked(TaskName(sub, id.partition), running, slots);
      const auto end = nodes.begin() + std::min(copies, static_cast<int>(nodes.size()));
      if (std::find(nodes.begin(), end, node) != end) placed.insert(id);
    }
  }
  return placed;
}

}  // namespace millrace
