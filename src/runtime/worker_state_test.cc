#include <gmock/gmock.h>

#include "runtime/worker.h"
#include "runtime/worker_harness.h"

namespace millrace {
namespace {

TEST_F(WorkerTest, ACleanRestartReadsNoChangelogAndGoesOnCounting) {
  auto worker = MakeWorker("w0");
  WriteInput(50);
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(worker->Stop().ok());
  const double restored = metrics_.Sum("millrace_restore_records_total");
  worker = MakeWorker("w0");
  WriteInput(20);
  RunUntilQuiet({worker.get()});
  EXPECT_EQ(metrics_.Sum("millrace_restore_records_total"), restored);
  ASSERT_TRUE(worker->Stop().ok());
  ExpectExactlyOnce();
}

TEST_F(WorkerTest, StateIsRebuiltFromTheChangelogWhenTheDiskIsLost) {
  auto worker = MakeWorker("w0");
  WriteInput(50);
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(worker->Stop().ok());
  ASSERT_TRUE(RemoveAll(dir_).ok());
  worker = MakeWorker("w0");
  WriteInput(20);
  RunUntilQuiet({worker.get()});
  EXPECT_GT(metrics_.Sum("millrace_restore_records_total"), 0);
  ASSERT_TRUE(worker->Stop().ok());
  ExpectExactlyOnce();
}

TEST_F(WorkerTest, ATaskThatIsReadyWorksWhileAnotherRestores) {
  const auto write = [this](int partition, int records) {
    for (int i = 0; i < records; ++i) {
      MemoryRecord record;
      record.key = "k" + std::to_string(2 * i + partition);
      record.value = "v";
      record.timestamp_ms = 1'000 + i;
      ASSERT_TRUE(log_.Append({"in", Partition(partition)}, record).ok());
    }
  };
  write(0, 3);
  write(1, 50'000);
  auto worker = MakeWorker("w0", 20'000);
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(worker->Stop().ok());
  ASSERT_TRUE(RemoveAll(dir_).ok());
  const std::size_t before = log_.Read({"out", Partition(0)}).size();
  write(0, 5);
  worker = MakeWorker("w0", 20'000);
  bool worked_meanwhile = false;
  for (int round = 0; round < 100 && !worker->status().settled; ++round) {
    ASSERT_TRUE(worker->RunOnce(Duration(0)).ok());
    if (worker->status().tasks_restoring == 1)
      worked_meanwhile = worked_meanwhile || log_.Read({"out", Partition(0)}).size() == before + 5;
  }
  EXPECT_TRUE(worked_meanwhile);
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(worker->Stop().ok());
  ExpectExactlyOnce();
}

TEST_F(WorkerTest, WhatIsLeftToRestoreIsShownWhileItGetsLess) {
  keys_ = 50'000;
  WriteInput(keys_);
  auto worker = MakeWorker("w0", 20'000);
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(worker->Stop().ok());
  ASSERT_TRUE(RemoveAll(dir_).ok());
  worker = MakeWorker("w0", 20'000);
  std::vector<double> left;
  for (int round = 0; round < 100 && !worker->status().settled; ++round) {
    ASSERT_TRUE(worker->RunOnce(Duration(0)).ok());
    left.push_back(metrics_.Sum("millrace_restore_records_left"));
    if (left.back() > 0) {
      EXPECT_EQ(worker->status().tasks_restoring, 2);
    }
  }
  ASSERT_TRUE(worker->status().settled);
  EXPECT_GT(*std::max_element(left.begin(), left.end()), 10'000);
  EXPECT_TRUE(std::is_sorted(std::find_if(left.begin(), left.end(), [](double n) { return n > 0; }),
                             left.end(), std::greater<>()));
  EXPECT_EQ(left.back(), 0);
  EXPECT_GE(metrics_.Sum("millrace_restore_records_total"), keys_);
  ASSERT_TRUE(worker->Stop().ok());
}

// K4
TEST_F(WorkerTest, AnEditedStepIsRefusedAlsoWhenTheDiskIsLost) {
  auto worker = MakeWorker("w0");
  WriteInput(50);
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(worker->Stop().ok());
  ASSERT_TRUE(RemoveAll(dir_).ok());
  topology_.sub_topologies[0].state_layout = "count=double\n";
  worker = MakeWorker("w0");
  Status refused;
  for (int round = 0; round < 100 && refused.ok(); ++round) refused = worker->RunOnce(Duration(0));
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(refused.message(),
              testing::AllOf(testing::HasSubstr("step 'count'"), testing::HasSubstr("would now be double"),
                             testing::HasSubstr("millrace reset FILE --step count")));
  worker.reset();

  // What the advice does: the topic is another one, and the step begins empty.
  ASSERT_TRUE(log_.DeleteTopic("changelog").ok());
  NewTopic changelog;
  changelog.name = "changelog";
  changelog.partitions = 2;
  ASSERT_TRUE(log_.CreateTopic(changelog).ok());
  worker = MakeWorker("w0");
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(worker->Stop().ok());
}

// K4
TEST_F(WorkerTest, StateOfAStepWhoseRowsComeIntoOtherPartitionsSinceAnEditIsRefused) {
  auto worker = MakeWorker("w0");
  WriteInput(50);
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(worker->Stop().ok());
  NewTopic moved;
  moved.name = "moved";
  moved.partitions = 2;
  ASSERT_TRUE(log_.CreateTopic(moved).ok());
  const SubTopology before = topology_.sub_topologies[0];
  SubTopology behind = before;
  behind.name = "behind";
  behind.input_topics = {"moved"};
  SubTopology front;
  front.name = "front";
  front.input_topics = {"in"};
  front.partitions = 2;
  front.make_program = [](Partition, StateStore*) -> Result<TaskProgram> {
    TaskProgram program = ReadingInput(1);
    program.nodes[0].name = "sink";
    program.nodes[0].sink = std::make_unique<EchoSink>();
    return program;
  };
  const auto run = [&] {
    auto edited = MakeWorker("w0");
    Status status;
    for (int round = 0; round < 50 && status.ok(); ++round) status = edited->RunOnce(Duration(0));
    return status;
  };
  topology_.sub_topologies = {front, behind};
  const Status status = run();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(),
              testing::AllOf(testing::HasSubstr("the rows of step 'count' come into other partitions"),
                             testing::HasSubstr("reset FILE --step count --yes")));
  topology_.sub_topologies = {before};
  worker = MakeWorker("w0");
  WriteInput(20);
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(worker->Stop().ok());
  ExpectExactlyOnce();
}

// What is open is not decided yet, and a transaction of ours would decide it: a broker that lost the end of
// one leaves such a changelog behind.
TEST_F(WorkerTest, ATaskWaitsForTheEndOfEveryTransactionOnItsChangelog) {
  auto worker = MakeWorker("w0");
  WriteInput(50);
  RunUntilQuiet({worker.get()});
  log_.LoseEnd({"changelog", Partition(1)});
  WriteInput(1);
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(worker->Stop().ok());  // the disk has all that the log has

  worker = MakeWorker("w0");
  WriteInput(20);
  const auto run = [&] {
    for (int round = 0; round < 200; ++round) {
      ASSERT_TRUE(worker->RunOnce(Duration(0)).ok());
      clock_.Advance(Duration(50));
    }
  };
  const auto records_out = [&] { return log_.Read({"out", Partition(0)}).size(); };
  run();
  EXPECT_EQ(worker->status().tasks_running, 1);
  EXPECT_EQ(worker->status().tasks_restoring, 1);
  EXPECT_LT(records_out(), 71);
  log_.WriteLostEnd();
  run();
  EXPECT_EQ(worker->status().tasks_running, 2);
  EXPECT_EQ(records_out(), 71);
  ASSERT_TRUE(worker->Stop().ok());
  ExpectExactlyOnce();
}

TEST_F(WorkerTest, StateWhoseRowsDoNotVerifyIsSetAsideAndRebuiltWhileItRuns) {
  keys_ = 5'000;  // several blocks of rows, so that opening the directory does not read all of them
  auto worker = MakeWorker("w0", /*batch_rows=*/1'000);
  WriteInput(keys_);
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(worker->Stop().ok());
  for (int p = 0; p < 2; ++p) {
    const std::string directory = context_.state_dir + "/main_" + std::to_string(p);
    const std::vector<DirectoryEntry> entries = *ListDirectory(directory);
    std::string largest;
    std::string bytes;
    for (const DirectoryEntry& entry : entries) {
      if (!entry.name.ends_with(".sst")) continue;
      std::string found = *ReadFile(directory + "/" + entry.name);
      if (found.size() > bytes.size()) {
        largest = entry.name;
        bytes = std::move(found);
      }
    }
    ASSERT_FALSE(bytes.empty());
    bytes[bytes.size() / 2] = static_cast<char>(~bytes[bytes.size() / 2]);
    ASSERT_TRUE(WriteFileAtomically(directory + "/" + largest, bytes).ok());
  }
  worker = MakeWorker("w0", /*batch_rows=*/1'000);
  EXPECT_EQ(metrics_.Sum("millrace_state_rebuilds_total"), 0);
  WriteInput(keys_);
  RunUntilQuiet({worker.get()});
  EXPECT_EQ(metrics_.Sum("millrace_state_rebuilds_total"), 2);
  EXPECT_EQ(metrics_.Sum("millrace_recoveries_total"), 2) << "it was found while records were processed";
  EXPECT_GT(metrics_.Sum("millrace_restore_records_total"), 0);
  ASSERT_TRUE(worker->Stop().ok());
  ExpectExactlyOnce();
}

class OldStateTest : public WorkerTest {
 protected:
  static constexpr std::int64_t kRetentionMs = 10'000;
  OldStateTest() {
    EXPECT_TRUE(log_.DeleteTopic("changelog").ok());
    NewTopic topic;
    topic.name = "changelog";
    topic.partitions = 2;
    topic.config = {{"delete.retention.ms", std::to_string(kRetentionMs)}};
    EXPECT_TRUE(log_.CreateTopic(topic).ok());
  }
  void RunToEnd() {
    auto worker = MakeWorker("w0");
    WriteInput(7);
    RunUntilQuiet({worker.get()});
    ASSERT_TRUE(worker->Stop().ok());
  }
  double Restored() const { return metrics_.Sum("millrace_restore_records_total"); }
};

TEST_F(OldStateTest, StateThatMayMissForgottenTombstonesIsRebuilt) {
  RunToEnd();
  // Another worker closed k0 long ago; the log has forgotten that there was such a row.
  const std::string key = std::string("\x80\0\0\0\0\0\0\0", 8) + "k0";
  OutgoingRecord tombstone;
  tombstone.topic = "changelog";
  tombstone.partition = Partition(0);
  tombstone.key = BytesView::Of(key);
  ASSERT_TRUE(log_.Append(tombstone).ok());
  ASSERT_TRUE(log_.Compact("changelog", /*drop_tombstones=*/true).ok());
  clock_.Advance(Duration(kRetentionMs / 2 + 1));
  auto worker = MakeWorker("w0");
  RunUntilQuiet({worker.get()});
  EXPECT_EQ(metrics_.Sum("millrace_state_rows"), 6) << "k0 came back from the disk";
  EXPECT_GT(Restored(), 0);
  ASSERT_TRUE(worker->Stop().ok());
}

TEST_F(OldStateTest, StateThatIsYoungEnoughIsKept) {
  RunToEnd();
  clock_.Advance(Duration(kRetentionMs / 2));
  RunToEnd();
  EXPECT_EQ(Restored(), 0);
  ExpectExactlyOnce();
}

}  // namespace
}  // namespace millrace
