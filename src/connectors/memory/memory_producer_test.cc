#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "connectors/memory/memory_cluster.h"

namespace millrace {
namespace {

const TopicPartition kOut{"out", Partition(0)};

/// A log with the topic "out" of one partition.
class MemoryProducerTest : public testing::Test {
 protected:
  MemoryProducerTest() { EXPECT_TRUE(log_.CreateTopic({.name = "out"}).ok()); }

  std::unique_ptr<Producer> Started(const std::string& id) {
    auto producer = cluster_.MakeProducer(id);
    EXPECT_TRUE((*producer)->Init().ok());
    return *std::move(producer);
  }
  static Status Send(Producer& producer, const std::string& value, const std::string& key = "k") {
    return producer.Send(
        {.topic = "out", .key = BytesView::Of(key), .value = BytesView::Of(value), .timestamp_ms = 10});
  }
  std::vector<std::string> Values(Isolation isolation = Isolation::kReadCommitted) {
    std::vector<std::string> values;
    for (const MemoryRecord& record : log_.Read(kOut, isolation))
      values.push_back(record.value.value_or("null"));
    return values;
  }

  ManualClock clock_{EventTime(1'000'000)};
  MemoryLog log_{&clock_};
  MemoryCluster cluster_{&log_};
};

using Strings = std::vector<std::string>;

TEST_F(MemoryProducerTest, RecordsOfATransactionAreVisibleAfterCommit) {
  auto producer = Started("a");
  ASSERT_TRUE(producer->Begin().ok());
  ASSERT_TRUE(Send(*producer, "1").ok());
  EXPECT_EQ(Values(), Strings{});
  EXPECT_EQ(Values(Isolation::kReadUncommitted), Strings{"1"});
  ASSERT_TRUE(producer->Commit().ok());
  EXPECT_EQ(Values(), Strings{"1"});
  EXPECT_EQ(producer->AcknowledgedEnd(kOut), Offset(1));
}

TEST_F(MemoryProducerTest, AbortedRecordsAreNeverVisibleToReadCommitted) {
  auto producer = Started("a");
  ASSERT_TRUE(producer->Begin().ok());
  ASSERT_TRUE(Send(*producer, "lost").ok());
  ASSERT_TRUE(producer->Abort().ok());
  ASSERT_TRUE(producer->Begin().ok());
  ASSERT_TRUE(Send(*producer, "kept").ok());
  ASSERT_TRUE(producer->Commit().ok());
  EXPECT_EQ(Values(), Strings{"kept"});
  EXPECT_EQ(Values(Isolation::kReadUncommitted), (Strings{"lost", "kept"}));
}

TEST_F(MemoryProducerTest, MarkersOccupyAnOffset) {
  auto producer = Started("a");
  ASSERT_TRUE(producer->Begin().ok());
  ASSERT_TRUE(Send(*producer, "1").ok());
  ASSERT_TRUE(producer->Commit().ok());
  EXPECT_EQ(log_.Bounds(kOut)->high, Offset(2));
  const auto fetched = log_.Fetch(kOut, Offset(0), {Isolation::kReadCommitted, 10, 1000});
  EXPECT_EQ(fetched->next, Offset(2));
  EXPECT_EQ(fetched->block->num_records(), 1);
  EXPECT_EQ(fetched->block->next_offset(), Offset(2));
}

TEST_F(MemoryProducerTest, AnOpenTransactionHoldsTheLastStableOffset) {
  auto slow = Started("slow");
  auto fast = Started("fast");
  ASSERT_TRUE(slow->Begin().ok());
  ASSERT_TRUE(Send(*slow, "s").ok());
  ASSERT_TRUE(fast->Begin().ok());
  ASSERT_TRUE(Send(*fast, "f").ok());
  ASSERT_TRUE(fast->Commit().ok());
  EXPECT_EQ(log_.Bounds(kOut)->last_stable, Offset(0));
  EXPECT_EQ(Values(), Strings{});
  ASSERT_TRUE(slow->Commit().ok());
  EXPECT_EQ(Values(), (Strings{"s", "f"}));
}

TEST_F(MemoryProducerTest, InitFencesTheEarlierHolderAndAbortsItsTransaction) {
  auto first = Started("a");
  ASSERT_TRUE(first->Begin().ok());
  ASSERT_TRUE(Send(*first, "zombie").ok());
  auto second = Started("a");
  EXPECT_EQ(Send(*first, "more").code(), StatusCode::kFenced);
  ASSERT_TRUE(second->Begin().ok());
  ASSERT_TRUE(Send(*second, "alive").ok());
  ASSERT_TRUE(second->Commit().ok());
  EXPECT_EQ(Values(), Strings{"alive"});
}

TEST_F(MemoryProducerTest, AnAbandonedTransactionIsAbortedAfterItsTimeout) {
  auto producer = Started("a");
  ASSERT_TRUE(producer->Begin().ok());
  ASSERT_TRUE(Send(*producer, "1").ok());
  clock_.Advance(Duration{10'001});
  EXPECT_EQ(log_.Bounds(kOut)->last_stable, Offset(2));
  EXPECT_EQ(Values(), Strings{});
  EXPECT_EQ(producer->Commit().code(), StatusCode::kFenced);
}

TEST_F(MemoryProducerTest, CommitFaultsHaveTheOutcomeTheyName) {
  struct Case {
    FaultOutcome outcome;
    StatusCode code;
    Strings visible;
  };
  const std::vector<Case> cases = {
      {FaultOutcome::kAborted, StatusCode::kAborted, {}},
      {FaultOutcome::kUnknownDone, StatusCode::kOutcomeUnknown, {"1"}},
      {FaultOutcome::kUnknownNotDone, StatusCode::kOutcomeUnknown, {}},
      {FaultOutcome::kFenced, StatusCode::kFenced, {}},
  };
  for (const Case& c : cases) {
    MemoryLog log(&clock_);
    MemoryCluster cluster(&log);
    ASSERT_TRUE(log.CreateTopic({.name = "out"}).ok());
    auto producer = *cluster.MakeProducer("a");
    ASSERT_TRUE(producer->Init().ok());
    ASSERT_TRUE(producer->Begin().ok());
    ASSERT_TRUE(Send(*producer, "1").ok());
    log.Inject({LogCall::kCommit, 1, c.outcome});
    EXPECT_EQ(producer->Commit().code(), c.code);
    auto successor = *cluster.MakeProducer("a");
    ASSERT_TRUE(successor->Init().ok());
    Strings visible;
    for (const MemoryRecord& record : log.Read(kOut)) visible.push_back(*record.value);
    EXPECT_EQ(visible, c.visible);
    EXPECT_EQ(log.Bounds(kOut)->last_stable, log.Bounds(kOut)->high);
  }
}

TEST_F(MemoryProducerTest, AfterAFailedSendOnlyAbortIsAccepted) {
  auto producer = Started("a");
  ASSERT_TRUE(producer->Begin().ok());
  log_.Inject({LogCall::kSend, 2, FaultOutcome::kAborted});
  ASSERT_TRUE(Send(*producer, "1").ok());
  EXPECT_EQ(Send(*producer, "2").code(), StatusCode::kAborted);
  EXPECT_EQ(producer->Commit().code(), StatusCode::kAborted);
  EXPECT_TRUE(producer->Abort().ok());
  EXPECT_TRUE(producer->Begin().ok());
}

TEST_F(MemoryProducerTest, WithoutTransactionsRecordsAreVisibleAtOnce) {
  auto producer = Started("");
  ASSERT_TRUE(Send(*producer, "1").ok());
  EXPECT_EQ(Values(), Strings{"1"});
  EXPECT_EQ(log_.Bounds(kOut)->high, Offset(1));
}

TEST_F(MemoryProducerTest, TimesBeforeOneAreKeptInAHeader) {
  auto producer = Started("");
  ASSERT_TRUE(producer->Send({.topic = "out", .value = BytesView::Of("v"), .timestamp_ms = -5}).ok());
  const MemoryRecord record = log_.Read(kOut).at(0);
  EXPECT_EQ(record.timestamp_ms, 1);
  EXPECT_EQ(record.headers, (std::vector<MemoryHeader>{{"millrace.event_time", "-5"}}));
}

TEST_F(MemoryProducerTest, KeysChooseThePartitionOfTheJavaClient) {
  ASSERT_TRUE(log_.CreateTopic({.name = "wide", .partitions = 4}).ok());
  auto producer = Started("");
  // murmur2("21") = -973932308, & 0x7fffffff = 1173551340, % 4 = 0; murmur2("foobar") & 0x7fffffff % 4 = 2.
  ASSERT_TRUE(producer->Send({.topic = "wide", .key = BytesView::Of("21")}).ok());
  ASSERT_TRUE(producer->Send({.topic = "wide", .key = BytesView::Of("foobar")}).ok());
  EXPECT_EQ(log_.Read({"wide", Partition(0)}).size(), 1U);
  EXPECT_EQ(log_.Read({"wide", Partition(2)}).size(), 1U);
}

TEST_F(MemoryProducerTest, RefusesWhatKafkaRefuses) {
  auto producer = Started("");
  EXPECT_EQ(producer->Send({.topic = "nowhere"}).code(), StatusCode::kNotFound);
  EXPECT_EQ(producer->Send({.topic = "out", .partition = Partition(1)}).code(), StatusCode::kNotFound);
  const std::string large(2 << 20, 'x');
  EXPECT_EQ(producer->Send({.topic = "out", .value = BytesView::Of(large)}).code(),
            StatusCode::kInvalidArgument);
}

TEST_F(MemoryProducerTest, CompactionKeepsTheLastCommittedRecordOfEachKey) {
  auto producer = Started("a");
  ASSERT_TRUE(producer->Begin().ok());
  ASSERT_TRUE(Send(*producer, "a1", "a").ok());
  ASSERT_TRUE(Send(*producer, "b1", "b").ok());
  ASSERT_TRUE(Send(*producer, "a2", "a").ok());
  ASSERT_TRUE(producer->Commit().ok());  // marker at 3
  ASSERT_TRUE(producer->Begin().ok());
  ASSERT_TRUE(Send(*producer, "b aborted", "b").ok());
  ASSERT_TRUE(producer->Abort().ok());
  ASSERT_TRUE(producer->Begin().ok());
  ASSERT_TRUE(Send(*producer, "a open", "a").ok());
  ASSERT_TRUE(log_.Compact("out").ok());
  EXPECT_EQ(Values(), (Strings{"b1", "a2"}));
  EXPECT_EQ(log_.Read(kOut).at(0).offset, Offset(1));
  ASSERT_TRUE(producer->Commit().ok());
  EXPECT_EQ(Values(), (Strings{"b1", "a2", "a open"}));
}

TEST_F(MemoryProducerTest, CompactionForgetsTombstonesWhenAsked) {
  auto producer = Started("");
  ASSERT_TRUE(Send(*producer, "1").ok());
  ASSERT_TRUE(producer->Send({.topic = "out", .key = BytesView::Of("k"), .timestamp_ms = 1}).ok());
  ASSERT_TRUE(log_.Compact("out").ok());
  EXPECT_EQ(Values(), Strings{"null"});
  ASSERT_TRUE(log_.Compact("out", true).ok());
  EXPECT_EQ(Values(), Strings{});
  EXPECT_EQ(log_.Bounds(kOut)->high, Offset(2));
}

TEST_F(MemoryProducerTest, DeletedRecordsMoveTheStart) {
  auto producer = Started("");
  for (const std::string value : {"0", "1", "2"}) ASSERT_TRUE(Send(*producer, value).ok());
  ASSERT_TRUE(cluster_.admin().DeleteRecords(kOut, Offset(2)).ok());
  EXPECT_EQ(Values(), Strings{"2"});
  EXPECT_EQ(log_.Bounds(kOut)->start, Offset(2));
  EXPECT_EQ(log_.Fetch(kOut, Offset(2), {Isolation::kReadCommitted, 10, 100})->block->offsets()[0], 2);
  for (const Offset outside : {Offset(1), Offset(4)}) {
    EXPECT_EQ(log_.Fetch(kOut, outside, {Isolation::kReadCommitted, 10, 100}).status().code(),
              StatusCode::kAborted);
  }
  EXPECT_FALSE(cluster_.admin().DeleteRecords(kOut, Offset(9)).ok());
}

TEST_F(MemoryProducerTest, ATopicMadeAgainHasAnotherId) {
  TopicAdmin& admin = cluster_.admin();
  const std::string before = (*admin.Describe("out"))->topic_id;
  EXPECT_EQ(admin.Create({.name = "out"}).code(), StatusCode::kAlreadyExists);
  ASSERT_TRUE(admin.Delete("out").ok());
  EXPECT_FALSE((*admin.Describe("out")).has_value());
  ASSERT_TRUE(admin.Create({.name = "out"}).ok());
  EXPECT_NE((*admin.Describe("out"))->topic_id, before);
}

}  // namespace
}  // namespace millrace
