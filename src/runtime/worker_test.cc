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

TEST_F(WorkerTest, QuestionsBetweenCommitsWaitAndShowWhatIsCommitted) {
  const auto committed = [this] {  // the sum of all counts that the changelog has
    std::map<std::string, std::int64_t> counts;
    for (int p = 0; p < 2; ++p) {
      for (const MemoryRecord& record : log_.Read({"changelog", Partition(p)}))
        counts[*record.key] = std::stoll(record.value.value_or("0"));
    }
    std::int64_t sum = 0;
    for (const auto& [key, count] : counts) sum += count;
    return sum;
  };
  auto worker = MakeWorker("w0", /*batch_rows=*/100, /*commit_interval=*/Duration(10'000));
  const auto run = [&] {
    for (int round = 0; round < 20; ++round) ASSERT_TRUE(worker->RunOnce(Duration(0)).ok());
  };
  std::optional<std::int64_t> shown;
  const auto ask = [&] {
    shown.reset();
    worker->Ask({.step = "count"}, [&](Result<StateAnswer> given) {
      ASSERT_TRUE(given.ok()) << given.status().ToString();
      if (given->partitions.size() < 2) return;  // while it recovers, it holds none
      shown = 0;
      for (const StateAnswer::Row& row : given->rows) *shown += std::stoll(row.row);
      EXPECT_EQ(*shown, committed()) << "as of the last commit";
    });
  };
  run();
  WriteInput(50);
  run();
  clock_.Advance(Duration(10'000));
  run();
  ASSERT_EQ(committed(), 50);
  ask();
  run();
  EXPECT_EQ(shown, 50) << "nothing is under way";
  WriteInput(10);
  run();
  EXPECT_EQ(metrics_.Sum("millrace_records_in_total"), 60) << "read and counted";
  ASSERT_EQ(committed(), 50) << "and not yet committed";
  ask();
  run();
  EXPECT_EQ(shown, std::nullopt) << "neither what is not committed nor what is outdated";
  // The commit that is due fails, and what it would have committed is read again.
  log_.Inject({.call = LogCall::kCommit, .nth = 1, .outcome = FaultOutcome::kAborted});
  clock_.Advance(Duration(10'000));
  ASSERT_TRUE(worker->RunOnce(Duration(0)).ok());
  EXPECT_EQ(committed(), 50);
  EXPECT_EQ(shown, std::nullopt) << "nothing that was thrown away";
  ask();
  for (int i = 0; i < 10; ++i) {
    clock_.Advance(Duration(10'000));
    run();
  }
  ASSERT_EQ(committed(), 60);
  EXPECT_EQ(shown, 60);
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

}  // namespace
}  // namespace millrace
