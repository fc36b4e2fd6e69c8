#include "runtime/worker.h"

#include <gmock/gmock.h>

#include "runtime/worker_harness.h"

namespace millrace {
namespace {

TEST_F(WorkerTest, EveryRecordComesOutOnceAndStateIsInTheChangelog) {
  auto worker = MakeWorker("w0");
  WriteInput(50);
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(worker->Stop().ok());
  ExpectExactlyOnce();
}

TEST_F(WorkerTest, APartitionThatWasAddedWhileRunningEndsTheWorkerInsteadOfBeingLeftUnread) {
  topology_.sub_topologies[0].partitions = 1;  // what there was at the start; now there are two
  auto worker = MakeWorker("w0");
  Status status;
  for (int round = 0; round < 100 && status.ok(); ++round) status = worker->RunOnce(Duration(0));
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("topic 'in' has more partitions than the 1"), std::string::npos)
      << status.message();
}

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

// What is open is not decided yet, and a transaction of ours would decide it: a broker that lost the end of
// one leaves such a changelog behind.
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
    TaskProgram program;
    program.inputs.resize(1);
    program.inputs[0].topic = "in";
    program.inputs[0].reader = std::make_unique<KeyReader>();
    program.inputs[0].entries = {0};
    program.nodes.resize(1);
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

TEST_F(WorkerTest, AWorkerThatIsKilledLeavesNothingHalfDone) {
  WriteInput(40);
  for (int kill = 0; kill < 6; ++kill) {
    auto worker = MakeWorker("w0");
    for (int step = 0; step <= kill; ++step) ASSERT_TRUE(worker->RunOnce(Duration(0)).ok());
    worker.reset();  // as after kill -9
  }
  auto worker = MakeWorker("w0");
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(worker->Stop().ok());
  ExpectExactlyOnce();
}

TEST_F(WorkerTest, PartitionsMoveBetweenWorkersWithTheirState) {
  auto first = MakeWorker("w0");
  WriteInput(30);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(first->RunOnce(Duration(0)).ok());
  auto second = MakeWorker("w1");
  WriteInput(30);
  RunUntilQuiet({first.get(), second.get()});
  EXPECT_EQ(first->status().tasks_running.load(), 1);
  EXPECT_EQ(second->status().tasks_running.load(), 1);
  ASSERT_TRUE(first->Stop().ok());
  WriteInput(30);
  RunUntilQuiet({second.get()});
  ASSERT_TRUE(second->Stop().ok());
  ExpectExactlyOnce();
}

TEST_F(WorkerTest, AWorkerIsSettledWhenItsTasksRunAlsoWhenThereAreNone) {
  auto first = MakeWorker("w0");
  EXPECT_FALSE(first->status().settled);
  RunUntilQuiet({first.get()});
  EXPECT_TRUE(first->status().settled);
  auto second = MakeWorker("w1");
  auto spare = MakeWorker("w2");
  EXPECT_FALSE(spare->status().settled);
  RunUntilQuiet({first.get(), second.get(), spare.get()});
  for (const Worker* worker : {first.get(), second.get(), spare.get()}) EXPECT_TRUE(worker->status().settled);
  EXPECT_EQ(first->status().tasks_running + second->status().tasks_running + spare->status().tasks_running,
            2);
  EXPECT_EQ(std::min({first->status().tasks_running.load(), second->status().tasks_running.load(),
                      spare->status().tasks_running.load()}),
            0)
      << "no worker was left without a task";
}

TEST_F(WorkerTest, ACommitComesBeforeItsTimeAfterSoManyBytesOfInput) {
  keys_ = 2;  // hardly any state changes
  for (const auto& [bytes, commits] : {std::pair(100, 5), std::pair(1'000'000, 0)}) {
    WorkerOptions options;
    options.id = "w-" + std::to_string(bytes);
    options.commit_interval = std::chrono::hours(1);
    options.commit_bytes = bytes;
    options.poll.max_records = 50;
    Worker worker(context_, cluster_, options);
    ASSERT_TRUE(worker.Start().ok());
    WriteInput(250);
    const double before = metrics_.Sum("millrace_commits_total");
    for (int round = 0; round < 20; ++round) ASSERT_TRUE(worker.RunOnce(Duration(0)).ok());
    if (commits == 0) {
      EXPECT_EQ(metrics_.Sum("millrace_commits_total"), before);
    } else {
      EXPECT_GE(metrics_.Sum("millrace_commits_total") - before, commits);
    }
    ASSERT_TRUE(worker.Stop().ok());
  }
  ExpectExactlyOnce();
}

TEST_F(WorkerTest, QuestionsAreAnsweredRightAfterACommitAndNeverBefore) {
  auto worker = MakeWorker("w0");
  WriteInput(50);
  RunUntilQuiet({worker.get()});
  WriteInput(10);
  std::optional<Result<StateAnswer>> answer;
  worker->Ask({.step = "count"}, [&](Result<StateAnswer> given) { answer = std::move(given); });
  EXPECT_FALSE(answer.has_value());
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(answer.has_value());
  ASSERT_TRUE(answer->ok()) << answer->status().ToString();
  EXPECT_THAT((*answer)->partitions, testing::ElementsAre(Partition(0), Partition(1)));
  // Every row is one that a commit wrote to the changelog, and all are of one moment.
  EXPECT_EQ((*answer)->rows.size(), 7);
  std::optional<Result<StateAnswer>> other;
  worker->Ask({.step = "no such step"}, [&](Result<StateAnswer> given) { other = std::move(given); });
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(other.has_value() && other->ok());
  EXPECT_TRUE((*other)->partitions.empty());
  worker->Ask({.step = "count"}, [&](Result<StateAnswer> given) { other = std::move(given); });
  ASSERT_TRUE(worker->Stop().ok());
  EXPECT_EQ(other->status().code(), StatusCode::kUnavailable);
}

TEST_F(WorkerTest, MetricsTellWhatWasReadWrittenAndIsHeld) {
  auto worker = MakeWorker("w0", /*batch_rows=*/4);
  WriteInput(50);
  RunUntilQuiet({worker.get()});
  clock_.Advance(Duration(1'000));  // sizes of state are looked at once per second
  RunUntilQuiet({worker.get()});
  EXPECT_EQ(metrics_.Sum("millrace_records_in_total"), 50);
  EXPECT_EQ(metrics_.Sum("millrace_bytes_in_total"), 50 * 3);  // keys of two bytes, values of one
  std::int64_t bytes_out = 0;
  for (const MemoryRecord& record : log_.Read({"out", Partition(0)}))
    bytes_out += static_cast<std::int64_t>(record.key->size() + record.value->size());
  EXPECT_EQ(metrics_.Sum("millrace_bytes_out_total"), static_cast<double>(bytes_out));
  EXPECT_GT(metrics_.Sum("millrace_changelog_bytes_total"), 0);
  EXPECT_EQ(metrics_.Sum("millrace_state_rows"), 7) << "seven keys over two tasks";
  EXPECT_GT(metrics_.Sum("millrace_state_memory_bytes"), 0);
  // 4 rows per batch over both partitions: at least 50 / 4 batches, each in both histograms.
  const std::string text = metrics_.ToPrometheusText();
  EXPECT_NE(text.find("\nmillrace_batch_rows_sum 50\n"), std::string::npos) << text;
  const auto count_of = [&](const std::string& name) {
    const std::size_t at = text.find("\n" + name + "_count ");
    return at == std::string::npos ? 0 : std::stoi(text.substr(at + name.size() + 8));
  };
  EXPECT_GE(count_of("millrace_batch_rows"), 13);
  EXPECT_EQ(count_of("millrace_batch_seconds"), count_of("millrace_batch_rows"));
  const std::string all = std::to_string(count_of("millrace_batch_rows"));
  EXPECT_NE(text.find("\nmillrace_batch_rows_bucket{le=\"10\"} " + all + "\n"), std::string::npos) << text;
}

TEST_F(WorkerTest, WhatAPartitionThatLeftShowedIsNotShownAnyMore) {
  auto worker = MakeWorker("w0");
  WriteInput(50);
  RunUntilQuiet({worker.get()});
  EXPECT_NE(metrics_.ToPrometheusText().find("kafka_consumergroup_lag{"), std::string::npos);
  ASSERT_TRUE(worker->Stop().ok());
  EXPECT_EQ(metrics_.ToPrometheusText().find("kafka_consumergroup_lag{"), std::string::npos);
  EXPECT_EQ(metrics_.Sum("millrace_state_rows"), 0);
  EXPECT_EQ(metrics_.Sum("millrace_state_memory_bytes"), 0);
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
