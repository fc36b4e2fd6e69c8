// Where a worker begins to read: `offset_reset`, and what it does not skip.

#include <gmock/gmock.h>

#include "runtime/worker_harness.h"

namespace millrace {
namespace {

class StartPositionTest : public WorkerTest {
 protected:
  StartPositionTest() { Reset(OffsetReset::kLatest); }

  void Reset(OffsetReset reset) {
    auto make = topology_.sub_topologies[0].make_program;
    topology_.sub_topologies[0].make_program = [=](Partition partition, StateStore* store) {
      auto program = make(partition, store);
      if (program.ok()) program->inputs[0].offset_reset = reset;
      return program;
    };
  }
  std::unique_ptr<Worker> Started() {
    auto worker = MakeWorker("w0");
    RunUntilQuiet({worker.get()});
    return worker;
  }
  void Finish(std::unique_ptr<Worker> worker) {
    RunUntilQuiet({worker.get()});
    ASSERT_TRUE(worker->Stop().ok());
  }
  /// A record with the key "new" in a partition that WriteInput does not write to.
  void WriteNew(int partition, int records) {
    for (int i = 0; i < records; ++i) {
      OutgoingRecord record;
      record.topic = "in";
      record.partition = Partition(partition);
      record.key = BytesView::Of("new");
      record.timestamp_ms = 1'000;
      ASSERT_TRUE(log_.Append(record).ok());
    }
  }
  /// As it is when a process starts after partitions were added.
  void AddPartition() {
    ASSERT_TRUE(log_.AddPartitions("in", 3).ok());
    ASSERT_TRUE(log_.AddPartitions("changelog", 3).ok());
    topology_.sub_topologies[0].partitions = 3;
  }
  /// Offsets of the records of `partition` that came out.
  std::vector<std::int64_t> Out(int partition) const {
    std::set<std::string> keys;
    for (const MemoryRecord& record : log_.Read({"in", Partition(partition)})) keys.insert(*record.key);
    std::vector<std::int64_t> offsets;
    for (const MemoryRecord& record : log_.Read({"out", Partition(0)})) {
      if (keys.contains(*record.key)) offsets.push_back(std::stoll(*record.value));
    }
    return offsets;
  }
  static std::vector<std::int64_t> Range(std::int64_t first, std::int64_t next) {
    std::vector<std::int64_t> out;
    for (; first < next; ++first) out.push_back(first);
    return out;
  }
  std::int64_t End(int partition) { return log_.Bounds({"in", Partition(partition)})->high.value(); }
  /// With it goes what is committed for it.
  void MakeInputAnew() {
    ASSERT_TRUE(log_.DeleteTopic("in").ok());
    NewTopic topic;
    topic.name = "in";
    topic.partitions = 2;
    ASSERT_TRUE(log_.CreateTopic(topic).ok());
    written_ = 0;
  }
  void Commit(const CommittedOffset& offset) {
    struct : AssignmentListener {
      void OnAssigned(std::vector<TopicPartition> partitions) override { assigned = !partitions.empty(); }
      void OnRevoked(std::vector<TopicPartition> /*partitions*/, bool /*lost*/) override {}
      bool assigned = false;
    } listener;
    const auto member = *cluster_.MakeGroupMember("app", "by-hand");
    ASSERT_TRUE(member->Subscribe({"in"}, &listener).ok());
    for (int round = 0; round < 100 && !listener.assigned; ++round)
      ASSERT_TRUE(member->Poll({.wait = Duration(0), .max_records = 0}).ok());
    ASSERT_TRUE(member->CommitOffsets(std::span(&offset, 1)).ok());
    ASSERT_TRUE(member->Close().ok());
  }
  CommittedOffset Committed(int partition) {
    const std::vector<TopicPartition> one = {{"in", Partition(partition)}};
    return log_.Committed("app", one)->front();
  }
};

TEST_F(StartPositionTest, LatestReadsWhatIsWrittenAfterTheStartAndNothingBefore) {
  WriteInput(50);
  const std::int64_t before[] = {End(0), End(1)};
  auto worker = Started();
  WriteInput(30);
  Finish(std::move(worker));
  for (int p = 0; p < 2; ++p) EXPECT_EQ(Out(p), Range(before[p], End(p))) << p;
}

TEST_F(StartPositionTest, TheEndIsCommittedAtOnceSoThatARestartWithoutARecordSkipsNone) {
  WriteInput(50);
  const std::int64_t before[] = {End(0), End(1)};
  {
    auto worker = Started();
    for (int p = 0; p < 2; ++p) EXPECT_EQ(Committed(p).offset, Offset(before[p])) << p;
  }  // as after kill -9
  WriteInput(30);
  Finish(Started());
  for (int p = 0; p < 2; ++p) EXPECT_EQ(Out(p), Range(before[p], End(p))) << p;
}

TEST_F(StartPositionTest, AtLeastOnceCommitsTheEndAtOnceToo) {
  WriteInput(50);
  const std::int64_t before[] = {End(0), End(1)};
  WorkerOptions options;
  options.id = "w0";
  options.exactly_once = false;
  options.commit_interval = std::chrono::hours(1);
  {
    Worker worker(context_, cluster_, options);
    ASSERT_TRUE(worker.Start().ok());
    RunUntilQuiet({&worker});
  }  // as after kill -9
  WriteInput(30);
  Worker worker(context_, cluster_, options);
  ASSERT_TRUE(worker.Start().ok());
  RunUntilQuiet({&worker});
  ASSERT_TRUE(worker.Stop().ok());
  for (int p = 0; p < 2; ++p) EXPECT_EQ(Out(p), Range(before[p], End(p))) << p;
}

TEST_F(StartPositionTest, AnEndThatCouldNotBeCommittedIsTheSameInTheNextAttempt) {
  WriteInput(50);
  const std::int64_t before[] = {End(0), End(1)};
  auto worker = MakeWorker("w0");
  log_.Inject({.call = LogCall::kCommit, .nth = 1, .outcome = FaultOutcome::kAborted});
  for (int round = 0; round < 100 && metrics_.Sum("millrace_recoveries_total") == 0; ++round)
    ASSERT_TRUE(worker->RunOnce(Duration(0)).ok());
  ASSERT_EQ(metrics_.Sum("millrace_recoveries_total"), 1);
  WriteInput(30);
  Finish(std::move(worker));
  for (int p = 0; p < 2; ++p) EXPECT_EQ(Out(p), Range(before[p], End(p))) << p;
}

TEST_F(StartPositionTest, ASecondWorkerBeginsItsPartitionsAtTheirEndToo) {
  WriteInput(50);
  const std::int64_t before[] = {End(0), End(1)};
  auto first = MakeWorker("w0");
  auto second = MakeWorker("w1");
  RunUntilQuiet({first.get(), second.get()});
  ASSERT_EQ(first->status().tasks_running, 1);
  WriteInput(30);
  RunUntilQuiet({first.get(), second.get()});
  Finish(std::move(first));
  Finish(std::move(second));
  for (int p = 0; p < 2; ++p) EXPECT_EQ(Out(p), Range(before[p], End(p))) << p;
}

TEST_F(StartPositionTest, APartitionThatNobodyHadReadYetBeginsAtItsEnd) {
  WriteInput(50);
  Finish(Started());
  // As if the process had ended between the commits of two workers.
  const CommittedOffset first = Committed(0);
  MakeInputAnew();
  WriteInput(50);
  Commit(first);
  const std::int64_t end = End(1);
  auto worker = Started();
  EXPECT_EQ(Committed(1).offset, Offset(end));
  Finish(std::move(worker));
  EXPECT_THAT(Out(1), testing::IsEmpty());
}

TEST_F(StartPositionTest, APartitionThatWasAddedLaterIsReadFromItsFirstRecord) {
  WriteInput(50);
  Finish(Started());
  for (int round = 0; round < 2; ++round) {  // what was there at the beginning is still known after it
    AddPartition();
    WriteNew(2, 20);
    auto worker = Started();
    EXPECT_EQ(Out(2), Range(0, End(2)));
    Finish(std::move(worker));
    EXPECT_THAT(Committed(round).metadata, testing::HasSubstr("begun:=2"));
  }
}

TEST_F(StartPositionTest, StateWithoutACommittedOffsetIsReadFromTheFirstRecordThereIs) {
  WriteInput(50);
  auto worker = Started();
  WriteInput(30);
  Finish(std::move(worker));
  ASSERT_EQ(log_.Read({"out", Partition(0)}).size(), 30U);
  MakeInputAnew();
  WriteInput(20);
  Finish(Started());
  EXPECT_EQ(log_.Read({"out", Partition(0)}).size(), 30U + 20U);
}

TEST_F(StartPositionTest, WhatBelongsToAnOpenTransactionIsReadWhenItEnds) {
  const auto other = *cluster_.MakeProducer("other");
  ASSERT_TRUE(other->Init().ok() && other->Begin().ok());
  OutgoingRecord record;
  record.topic = "in";
  record.partition = Partition(0);
  record.key = BytesView::Of("k0");
  record.timestamp_ms = 1'000;
  WriteInput(50);
  const std::int64_t before = End(0);
  ASSERT_TRUE(other->Send(record).ok());
  auto worker = Started();
  ASSERT_TRUE(other->Commit().ok());
  Finish(std::move(worker));
  EXPECT_EQ(Out(0), Range(before, before + 1));
}

TEST_F(StartPositionTest, WhatRetentionRemovedIsNoReasonToSkipWhatIsLeft) {
  WriteInput(50);
  Finish(Started());
  WriteInput(50);
  const std::int64_t left = End(0) - 5;
  ASSERT_TRUE(log_.DeleteRecords({"in", Partition(0)}, Offset(left)).ok());
  Finish(Started());
  EXPECT_EQ(Out(0), Range(left, End(0)));
}

TEST_F(StartPositionTest, WhatRetentionRemovesUnderARunningWorkerIsPassedOver) {
  Reset(OffsetReset::kEarliest);
  WriteInput(50);
  const std::int64_t read = End(0);
  auto worker = Started();
  WriteInput(50);
  const std::int64_t left = End(0) - 5;
  ASSERT_TRUE(log_.DeleteRecords({"in", Partition(0)}, Offset(left)).ok());
  Finish(std::move(worker));
  std::vector<std::int64_t> expected = Range(0, read);
  for (const std::int64_t offset : Range(left, End(0))) expected.push_back(offset);
  EXPECT_EQ(Out(0), expected);
}

TEST_F(StartPositionTest, ErrorStopsARunningWorkerThatRetentionOvertook) {
  Reset(OffsetReset::kEarliest);
  WriteInput(50);
  Finish(Started());
  Reset(OffsetReset::kError);
  auto worker = Started();
  WriteInput(50);
  ASSERT_TRUE(log_.DeleteRecords({"in", Partition(0)}, Offset(End(0) - 5)).ok());
  Status status;
  for (int round = 0; round < 100 && status.ok(); ++round) status = worker->RunOnce(Duration(0));
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), testing::HasSubstr("is outside the log"));
}

TEST_F(StartPositionTest, ErrorStopsAWorkerThatHasNothingCommittedAndSaysWhatToDo) {
  Reset(OffsetReset::kError);
  auto worker = MakeWorker("w0");
  Status status;
  for (int round = 0; round < 100 && status.ok(); ++round) status = worker->RunOnce(Duration(0));
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), testing::AllOf(testing::HasSubstr("in[0]: no committed offset"),
                                               testing::HasSubstr("offset_reset: earliest")));
}

TEST_F(StartPositionTest, APipelineThatBeganAtTheBeginningsSkipsNothingWhenItIsEditedToLatest) {
  Reset(OffsetReset::kEarliest);
  WriteInput(50);
  Finish(Started());
  Reset(OffsetReset::kLatest);
  WriteInput(30);
  Finish(Started());
  ExpectExactlyOnce();
}

}  // namespace
}  // namespace millrace
