#include "runtime/standby_placement.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

using testing::IsEmpty;

constexpr std::int32_t kPartitions = 60;

class StandbyPlacement : public testing::Test {
 protected:
  StandbyPlacement() {
    SubTopology with_state;
    with_state.name = "main";
    with_state.input_topics = {"in"};
    with_state.partitions = kPartitions;
    with_state.tables = {{"count", "changelog"}};
    SubTopology stateless;
    stateless.name = "other";
    stateless.input_topics = {"beside"};
    stateless.partitions = kPartitions;
    topology_.app = "app";
    topology_.sub_topologies = {stateless, with_state};
  }

  /// One slot per node, which have the partitions in turn.
  static std::vector<LiveSlot> Nodes(const std::vector<std::string>& nodes) {
    std::vector<LiveSlot> slots;
    for (const std::string& node : nodes) slots.push_back({"app-" + node + "-0", node, {}});
    for (std::int32_t p = 0; p < kPartitions; ++p)
      slots[static_cast<std::size_t>(p) % slots.size()].assigned.push_back({"in", Partition(p)});
    return slots;
  }

  static std::string Running(const std::vector<LiveSlot>& slots, const TaskId& task) {
    for (const LiveSlot& slot : slots) {
      for (const TopicPartition& at : slot.assigned) {
        if (at.partition == task.partition) return slot.node;
      }
    }
    return "";
  }

  /// The nodes that keep a copy, by task.
  std::map<TaskId, std::set<std::string>> Place(const std::vector<LiveSlot>& slots, int copies) {
    std::map<TaskId, std::set<std::string>> placed;
    for (const LiveSlot& slot : slots) {
      const auto tasks = PlaceStandbys(topology_, slot.node, slots, copies);
      EXPECT_TRUE(tasks.has_value());
      for (const TaskId& task : *tasks) placed[task].insert(slot.node);
    }
    return placed;
  }

  Topology topology_;
};

TEST_F(StandbyPlacement, EachTaskWithStateHasSoManyCopiesOnOtherNodes) {
  const auto slots = Nodes({"a", "b", "c", "d"});
  for (const int copies : {1, 2, 3}) {
    const auto placed = Place(slots, copies);
    ASSERT_EQ(placed.size(), static_cast<std::size_t>(kPartitions));
    std::map<std::string, int> by_node;
    for (const auto& [task, nodes] : placed) {
      EXPECT_EQ(task.sub_topology, 1U);
      EXPECT_EQ(nodes.size(), static_cast<std::size_t>(copies));
      EXPECT_FALSE(nodes.contains(Running(slots, task)));
      for (const std::string& node : nodes) ++by_node[node];
    }
    for (const auto& [node, tasks] : by_node) EXPECT_GT(tasks, copies * kPartitions / 4 / 3) << node;
  }
}

TEST_F(StandbyPlacement, ThereAreNoMoreCopiesThanOtherNodes) {
  for (const auto& [task, nodes] : Place(Nodes({"a", "b"}), 5)) EXPECT_EQ(nodes.size(), 1U);
  EXPECT_THAT(Place(Nodes({"a"}), 1), IsEmpty());
}

TEST_F(StandbyPlacement, WorkersOfOneNodeShareItsDisk) {
  auto slots = Nodes({"a", "b"});
  slots.push_back({"app-a-1", "a", std::move(slots[1].assigned)});
  slots[1].assigned.clear();
  // Both workers that run tasks are on node a.
  for (const auto& [task, nodes] : Place(slots, 2)) EXPECT_EQ(nodes, std::set<std::string>{"b"});
}

TEST_F(StandbyPlacement, ANodeThatComesMovesNoCopyButThoseThatItGets) {
  auto before_slots = Nodes({"a", "b", "c", "d"});
  const auto before = Place(before_slots, 1);
  auto slots = before_slots;
  slots.push_back({"app-e-0", "e", {}});  // it has no task yet
  const auto after = Place(slots, 1);
  int moved = 0;
  for (const auto& [task, nodes] : before) {
    if (after.at(task) == nodes) continue;
    EXPECT_EQ(after.at(task), std::set<std::string>{"e"});
    ++moved;
  }
  EXPECT_GT(moved, 0);
  EXPECT_LT(moved, kPartitions / 2);
}

TEST_F(StandbyPlacement, WhileATaskHasNobodyThereIsNoAnswer) {
  auto slots = Nodes({"a", "b"});
  slots[0].assigned.pop_back();
  EXPECT_EQ(PlaceStandbys(topology_, "a", slots, 1), std::nullopt);
}

TEST_F(StandbyPlacement, WhoReadsOnlySomeInputsOfATaskDoesNotRunIt) {
  topology_.sub_topologies[1].input_topics = {"in", "in-too"};
  EXPECT_EQ(PlaceStandbys(topology_, "a", Nodes({"a", "b"}), 1), std::nullopt);
}

TEST(LiveSlots, AreTheMembersThatAreSlotsOfThePipeline) {
  const std::vector<MemberDescription> members{{"my-app-0a1b2c3d-12", "h", {{"in", Partition(3)}}},
                                               {"millrace", "h", {}},
                                               {"my-app-", "h", {}},
                                               {"other-0a1b2c3d-0", "h", {}}};
  const auto slots = LiveSlots("my-app", members);
  ASSERT_EQ(slots.size(), 1U);
  EXPECT_EQ(slots[0].node, "0a1b2c3d");
  EXPECT_EQ(slots[0].assigned.size(), 1U);
}

}  // namespace
}  // namespace millrace
