#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "connectors/memory/memory_cluster.h"

namespace millrace {
namespace {

const TopicPartition kIn0{"in", Partition(0)};
const TopicPartition kIn1{"in", Partition(1)};

/// Writes down what it is told and starts every partition at its committed offset.
class Worker final : public AssignmentListener {
 public:
  Worker(MemoryCluster& cluster, const std::string& name) : member_(*cluster.MakeGroupMember("g", name)) {
    EXPECT_TRUE(member_->Subscribe({"in"}, this).ok());
  }
  void OnAssigned(std::vector<TopicPartition> partitions) override {
    held = partitions;
    for (const TopicPartition& partition : partitions) {
      const auto committed = member_->Committed(std::span(&partition, 1));
      ASSERT_TRUE(committed.ok());
      EXPECT_TRUE(member_->Start(partition, std::max((*committed)[0].offset, Offset(0))).ok());
    }
  }
  void OnRevoked(std::vector<TopicPartition> partitions, bool lost) override {
    EXPECT_EQ(partitions, held);
    if (on_revoked) on_revoked();
    held.clear();
    losses += lost ? 1 : 0;
  }
  /// The values of one Poll, with their partition: "0:a".
  std::vector<std::string> Poll(PollLimits limits = {}) {
    std::vector<std::string> values;
    const auto blocks = member_->Poll(limits);
    EXPECT_TRUE(blocks.ok());
    for (const auto& block : *blocks) {
      for (const BytesView value : block->values()) {
        values.push_back(std::to_string(block->partition().partition.value()) + ":" +
                         std::string(value.view()));
      }
    }
    return values;
  }
  GroupMember& member() { return *member_; }
  void Crash() { member_.reset(); }

  std::vector<TopicPartition> held;
  int losses = 0;
  std::function<void()> on_revoked;

 private:
  std::unique_ptr<GroupMember> member_;
};

class MemoryGroupMemberTest : public testing::Test {
 protected:
  MemoryGroupMemberTest() { EXPECT_TRUE(log_.CreateTopic({.name = "in", .partitions = 2}).ok()); }
  void Write(const TopicPartition& partition, const std::string& value) {
    ASSERT_TRUE(log_.Append(partition, MemoryRecord{.timestamp_ms = 1, .value = value}).ok());
  }
  CommittedOffset Stored(const TopicPartition& partition) {
    return (*log_.Committed("g", std::span(&partition, 1)))[0];
  }

  ManualClock clock_{EventTime(1'000'000)};
  MemoryLog log_{&clock_};
  MemoryCluster cluster_{&log_};
};

using Strings = std::vector<std::string>;

TEST_F(MemoryGroupMemberTest, TheFirstPollAssignsEverythingToALoneMember) {
  Worker a(cluster_, "a");
  Write(kIn0, "x");
  EXPECT_EQ(a.Poll(), Strings{"0:x"});
  EXPECT_EQ(a.held, (std::vector{kIn0, kIn1}));
  EXPECT_EQ(a.Poll(), Strings{});
}

TEST_F(MemoryGroupMemberTest, ASecondMemberTakesItsRangeAfterTheFirstHasRevoked) {
  Worker a(cluster_, "a");
  a.Poll();
  Worker b(cluster_, "b");
  b.Poll();
  EXPECT_TRUE(b.held.empty());
  a.Poll();
  b.Poll();
  EXPECT_EQ(a.held, std::vector{kIn0});
  EXPECT_EQ(b.held, std::vector{kIn1});
}

TEST_F(MemoryGroupMemberTest, PartitionNOfTwoTopicsStaysTogether) {
  GroupCoordinator group;
  const GroupCoordinator::PartitionCounts counts = {{"x", 3}, {"y", 3}};
  const std::string a = group.Join("a", {"x", "y"});
  const std::string b = group.Join("b", {"x", "y"});
  group.Rejoin(a, counts);
  EXPECT_FALSE(group.Observe(a).stable);
  group.Rejoin(b, counts);
  using Partitions = std::vector<TopicPartition>;
  EXPECT_EQ(group.Observe(a).assignment,
            (Partitions{{"x", Partition(0)}, {"x", Partition(1)}, {"y", Partition(0)}, {"y", Partition(1)}}));
  EXPECT_EQ(group.Observe(b).assignment, (Partitions{{"x", Partition(2)}, {"y", Partition(2)}}));
}

TEST_F(MemoryGroupMemberTest, OffsetsCanBeCommittedWhileRevoking) {
  Worker a(cluster_, "a");
  Write(kIn0, "x");
  a.Poll();
  a.on_revoked = [&] {
    const CommittedOffset offset{kIn0, Offset(1), "watermark"};
    EXPECT_TRUE(a.member().CommitOffsets(std::span(&offset, 1)).ok());
  };
  Worker b(cluster_, "b");
  b.Poll();
  a.Poll();
  EXPECT_EQ(Stored(kIn0).offset, Offset(1));
  EXPECT_EQ(Stored(kIn0).metadata, "watermark");
}

TEST_F(MemoryGroupMemberTest, AMemberThatDiesLeavesItsPartitionsToTheOthers) {
  Worker a(cluster_, "a");
  Worker b(cluster_, "b");
  a.Poll();
  b.Poll();
  a.Poll();
  ASSERT_EQ(a.held, std::vector{kIn0});
  b.Crash();
  a.Poll();
  EXPECT_EQ(a.held, (std::vector{kIn0, kIn1}));
  EXPECT_EQ(a.losses, 0);
}

TEST_F(MemoryGroupMemberTest, AKickedMemberLosesItsAssignmentAndMayNotCommit) {
  Worker a(cluster_, "a");
  a.Poll();
  const auto token = a.member().Token();
  log_.KickMember("g", "a");
  EXPECT_TRUE(a.member().AssignmentLost());
  const CommittedOffset offset{kIn0, Offset(1), ""};
  EXPECT_EQ(a.member().CommitOffsets(std::span(&offset, 1)).code(), StatusCode::kAborted);
  auto producer = *cluster_.MakeProducer("t");
  ASSERT_TRUE(producer->Init().ok());
  ASSERT_TRUE(producer->Begin().ok());
  EXPECT_EQ(producer->SendOffsets(std::span(&offset, 1), **token).code(), StatusCode::kAborted);
  a.Poll();
  EXPECT_EQ(a.losses, 1);
  EXPECT_EQ(a.held, (std::vector{kIn0, kIn1}));
  EXPECT_FALSE(a.member().AssignmentLost());
}

TEST_F(MemoryGroupMemberTest, ATokenOfAnEarlierGenerationIsRefused) {
  Worker a(cluster_, "a");
  a.Poll();
  const auto token = a.member().Token();
  Worker b(cluster_, "b");
  b.Poll();
  a.Poll();
  auto producer = *cluster_.MakeProducer("t");
  ASSERT_TRUE(producer->Init().ok());
  ASSERT_TRUE(producer->Begin().ok());
  const CommittedOffset offset{kIn0, Offset(1), ""};
  EXPECT_EQ(producer->SendOffsets(std::span(&offset, 1), **token).code(), StatusCode::kAborted);
}

TEST_F(MemoryGroupMemberTest, OffsetsOfATransactionCountAfterCommitAndAreUnstableBefore) {
  Worker a(cluster_, "a");
  a.Poll();
  auto producer = *cluster_.MakeProducer("t");
  ASSERT_TRUE(producer->Init().ok());
  const CommittedOffset offset{kIn0, Offset(7), "m"};
  for (const bool commit : {false, true}) {
    ASSERT_TRUE(producer->Begin().ok());
    ASSERT_TRUE(producer->SendOffsets(std::span(&offset, 1), **a.member().Token()).ok());
    EXPECT_EQ(a.member().Committed(std::span(&kIn0, 1)).status().code(), StatusCode::kUnavailable);
    EXPECT_TRUE(a.member().Committed(std::span(&kIn1, 1)).ok());
    ASSERT_TRUE((commit ? producer->Commit() : producer->Abort()).ok());
    EXPECT_EQ(Stored(kIn0).offset, commit ? Offset(7) : kNoOffset);
  }
}

TEST_F(MemoryGroupMemberTest, ABackendThatFailsToAnswerSendOffsetsMayHaveTakenThem) {
  Worker a(cluster_, "a");
  a.Poll();
  const CommittedOffset offset{kIn0, Offset(7), ""};
  auto producer = *cluster_.MakeProducer("t");
  ASSERT_TRUE(producer->Init().ok());
  ASSERT_TRUE(producer->Begin().ok());
  log_.Inject({LogCall::kSendOffsets, 1, FaultOutcome::kUnknownDone});
  EXPECT_EQ(producer->SendOffsets(std::span(&offset, 1), **a.member().Token()).code(),
            StatusCode::kOutcomeUnknown);
  EXPECT_FALSE(a.member().Committed(std::span(&kIn0, 1)).ok());
  producer = *cluster_.MakeProducer("t");
  ASSERT_TRUE(producer->Init().ok());
  EXPECT_EQ(Stored(kIn0).offset, kNoOffset);
}

TEST_F(MemoryGroupMemberTest, DeliversOnlyStartedPartitionsThatAreNotPaused) {
  Worker a(cluster_, "a");
  a.Poll();
  Write(kIn0, "x");
  Write(kIn1, "y");
  ASSERT_TRUE(a.member().Pause(kIn0).ok());
  EXPECT_EQ(a.Poll(), Strings{"1:y"});
  ASSERT_TRUE(a.member().Resume(kIn0).ok());
  EXPECT_EQ(a.Poll(), Strings{"0:x"});
  ASSERT_TRUE(a.member().Start(kIn0, Offset(0)).ok());
  EXPECT_EQ(a.Poll(), Strings{"0:x"});
}

TEST_F(MemoryGroupMemberTest, LimitsAreSharedFairlyBetweenPartitions) {
  Worker a(cluster_, "a");
  a.Poll();
  for (const std::string value : {"x", "y"}) {
    Write(kIn0, value);
    Write(kIn1, value);
  }
  const PollLimits one{.max_records = 1};
  EXPECT_EQ(a.Poll({.max_records = 0}), Strings{});
  EXPECT_EQ(a.Poll(one), Strings{"0:x"});
  EXPECT_EQ(a.Poll(one), Strings{"1:x"});
  EXPECT_EQ(a.Poll(one), Strings{"0:y"});
  EXPECT_EQ(a.Poll({.max_bytes = 1}), Strings{"1:y"});
}

TEST_F(MemoryGroupMemberTest, ProgressTellsPositionEndsAndTheTimeOfTheLastFetch) {
  Worker a(cluster_, "a");
  EXPECT_EQ(a.member().Progress(kIn0).position, kNoOffset);
  Write(kIn0, "x");
  a.Poll();
  clock_.Advance(Duration{300});
  const PartitionProgress progress = a.member().Progress(kIn0);
  EXPECT_EQ(progress.position, Offset(1));
  EXPECT_EQ(progress.last_stable, Offset(1));
  EXPECT_EQ(progress.high, Offset(1));
  EXPECT_EQ(progress.since_last_fetch, Duration{300});
}

TEST_F(MemoryGroupMemberTest, ThePositionPassesMarkersAndAbortedRecords) {
  Worker a(cluster_, "a");
  auto producer = *cluster_.MakeProducer("t");
  ASSERT_TRUE(producer->Init().ok());
  ASSERT_TRUE(producer->Begin().ok());
  ASSERT_TRUE(producer->Send({.topic = "in", .partition = Partition(0), .timestamp_ms = 1}).ok());
  ASSERT_TRUE(producer->Abort().ok());
  EXPECT_EQ(a.Poll(), Strings{});
  EXPECT_EQ(a.member().Progress(kIn0).position, Offset(2));
}

TEST_F(MemoryGroupMemberTest, ClosingRevokesAndLeaves) {
  Worker a(cluster_, "a");
  a.Poll();
  ASSERT_TRUE(a.member().Close().ok());
  EXPECT_TRUE(a.held.empty());
  EXPECT_EQ(a.losses, 0);
  Worker b(cluster_, "b");
  b.Poll();
  EXPECT_EQ(b.held.size(), 2U);
}

TEST_F(MemoryGroupMemberTest, ATopicMadeAfterSubscribingIsAssigned) {
  ASSERT_TRUE(cluster_.admin().Delete("in").ok());
  Worker a(cluster_, "a");
  a.Poll();
  EXPECT_TRUE(a.held.empty());
  ASSERT_TRUE(cluster_.admin().Create({.name = "in"}).ok());
  a.Poll();
  EXPECT_EQ(a.held, std::vector{kIn0});
}

TEST_F(MemoryGroupMemberTest, AChangelogIsReadToAnEndThatIsAMarker) {
  auto producer = *cluster_.MakeProducer("t");
  ASSERT_TRUE(producer->Init().ok());
  ASSERT_TRUE(producer->Begin().ok());
  const OutgoingRecord record{.topic = "in", .partition = Partition(0), .value = BytesView::Of("v")};
  ASSERT_TRUE(producer->Send(record).ok());
  ASSERT_TRUE(producer->Commit().ok());
  ASSERT_TRUE(producer->Begin().ok());
  ASSERT_TRUE(producer->Send(record).ok());
  auto reader = *cluster_.MakeChangelogReader();
  EXPECT_EQ(*reader->Bounds(kIn0), (std::pair{Offset(0), Offset(3)}));
  ASSERT_TRUE(reader->Add(kIn0, Offset(0)).ok());
  EXPECT_EQ((*reader->Poll(Duration{0}))[0]->num_records(), 1);
  EXPECT_EQ(reader->Position(kIn0), Offset(2));  // the open transaction holds it
  ASSERT_TRUE(producer->Abort().ok());
  EXPECT_TRUE((*reader->Poll(Duration{0})).empty());
  EXPECT_EQ(reader->Position(kIn0), Offset(4));
  EXPECT_FALSE(reader->Add({"nowhere", Partition(0)}, Offset(0)).ok());
}

}  // namespace
}  // namespace millrace
