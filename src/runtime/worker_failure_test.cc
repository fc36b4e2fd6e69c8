// What a worker does when its log, its broker or its group lets it down.

#include <gmock/gmock.h>

#include "runtime/worker_harness.h"

namespace millrace {
namespace {

class UndecodableTest : public WorkerTest {
 protected:
  UndecodableTest() {
    NewTopic topic;
    topic.name = "dead";
    EXPECT_TRUE(log_.CreateTopic(topic).ok());
  }
  void OnError(ErrorPolicy policy) {
    topology_.dead_letter_topic = policy == ErrorPolicy::kDeadLetter ? "dead" : "";
    auto make = topology_.sub_topologies[0].make_program;
    topology_.sub_topologies[0].make_program = [=](Partition partition, StateStore* store) {
      auto program = make(partition, store);
      if (program.ok()) program->inputs[0].on_error = policy;
      return program;
    };
  }
  void Break(int partition, int first, int next) {
    ASSERT_TRUE(log_.Break({"in", Partition(partition)}, Offset(first), Offset(next)).ok());
  }
};

TEST_F(UndecodableTest, ABatchThatCannotBeReadIsOneDeadLetterWhateverFails) {
  OnError(ErrorPolicy::kDeadLetter);
  WriteInput(50);
  Break(0, 3, 8);
  Break(1, 18, 21);  // the end of its partition
  auto worker = MakeWorker("w0", /*batch_rows=*/100);
  for (const FaultOutcome outcome :
       {FaultOutcome::kAborted, FaultOutcome::kUnknownDone, FaultOutcome::kUnknownNotDone}) {
    log_.Inject({.call = LogCall::kCommit, .nth = 1, .outcome = outcome});
    RunUntilQuiet({worker.get()});
  }
  ASSERT_TRUE(worker->Stop().ok());
  worker = MakeWorker("w0");  // nothing is read twice
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(worker->Stop().ok());
  ExpectExactlyOnce();

  std::set<std::string> seen;
  for (const MemoryRecord& letter : log_.Read({"dead", Partition(0)})) {
    EXPECT_FALSE(letter.key.has_value());
    EXPECT_FALSE(letter.value.has_value());
    std::string text;
    for (const MemoryHeader& header : letter.headers) text += header.name + "=" + *header.value + "\n";
    EXPECT_TRUE(seen.insert(text).second) << "twice: " << text;
  }
  const auto letter = [](const std::string& partition, const std::string& first, const std::string& last) {
    return "__connect.errors.topic=in\n__connect.errors.partition=" + partition +
           "\n__connect.errors.offset=" + first +
           "\n__connect.errors.stage=fetch\n__connect.errors.class.name=undecodable\n"
           "__connect.errors.exception.message=undecodable batch: offsets " +
           first + " to " + last + ": injected fault: broken records\n";
  };
  EXPECT_EQ(seen, (std::set<std::string>{letter("0", "3", "7"), letter("1", "18", "20")}));
  EXPECT_GE(metrics_.Sum("millrace_errors_total"), 2);
}

TEST_F(UndecodableTest, WithoutADeadLetterTopicItStopsTheWorkerAndNamesThePlace) {
  OnError(ErrorPolicy::kFail);
  WriteInput(50);
  Break(0, 3, 8);
  auto worker = MakeWorker("w0");
  Status status;
  for (int i = 0; i < 50 && status.ok(); ++i) status = worker->RunOnce(Duration(0));
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("in[0] offset 3"), std::string::npos) << status.ToString();
  EXPECT_NE(status.message().find("dead_letter"), std::string::npos) << status.ToString();
}

TEST_F(UndecodableTest, ItIsDroppedAndCountedWhenAskedTo) {
  OnError(ErrorPolicy::kDrop);
  WriteInput(50);
  Break(0, 3, 8);
  auto worker = MakeWorker("w0");
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(worker->Stop().ok());
  ExpectExactlyOnce();
  EXPECT_EQ(metrics_.Sum("millrace_errors_total"), 1);
}

TEST_F(UndecodableTest, AChangelogThatCannotBeReadIsNeverTakenForTheState) {
  auto worker = MakeWorker("w0");
  WriteInput(50);
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(worker->Stop().ok());
  ASSERT_TRUE(RemoveAll(dir_).ok());
  ASSERT_TRUE(log_.Break({"changelog", Partition(1)}, Offset(0), Offset(2)).ok());
  worker = MakeWorker("w0");
  Status status;
  for (int i = 0; i < 50 && status.ok(); ++i) status = worker->RunOnce(Duration(0));
  EXPECT_EQ(status.code(), StatusCode::kCorrupt);
  EXPECT_NE(status.message().find("changelog[1]"), std::string::npos) << status.ToString();
}

struct FaultCase {
  const char* name;
  LogCall call;
  FaultOutcome outcome;
};

class WorkerFaults : public WorkerTest, public ::testing::WithParamInterface<FaultCase> {};

TEST_P(WorkerFaults, AFailedCallIsRecoveredFromExactlyOnce) {
  auto worker = MakeWorker("w0");
  for (int nth = 1; nth <= 3; ++nth) {
    const double recoveries = metrics_.Sum("millrace_recoveries_total");
    WriteInput(25);
    log_.Inject({.call = GetParam().call, .nth = nth, .outcome = GetParam().outcome});
    RunUntilQuiet({worker.get()});
    EXPECT_GT(metrics_.Sum("millrace_recoveries_total"), recoveries) << "the fault never fired";
  }
  ASSERT_TRUE(worker->Stop().ok());
  ExpectExactlyOnce();
}

INSTANTIATE_TEST_SUITE_P(
    All, WorkerFaults,
    ::testing::Values(FaultCase{"commit_aborted", LogCall::kCommit, FaultOutcome::kAborted},
                      FaultCase{"commit_done_but_unknown", LogCall::kCommit, FaultOutcome::kUnknownDone},
                      FaultCase{"commit_lost", LogCall::kCommit, FaultOutcome::kUnknownNotDone},
                      FaultCase{"send_aborted", LogCall::kSend, FaultOutcome::kAborted},
                      FaultCase{"offsets_done_but_unknown", LogCall::kSendOffsets,
                                FaultOutcome::kUnknownDone},
                      FaultCase{"offsets_aborted", LogCall::kSendOffsets, FaultOutcome::kAborted}),
    [](const auto& tested) { return tested.param.name; });

TEST_F(WorkerTest, ARecoveryWithNothingCommittedSinceTheLastOneWaitsFirst) {
  auto worker = MakeWorker("w0");
  const auto refuse_commits = [&](int count) {
    log_.ClearFaults();
    for (int nth = 1; nth <= count; ++nth) {
      log_.Inject({.call = LogCall::kCommit, .nth = nth, .outcome = FaultOutcome::kAborted});
    }
    WriteInput(10);
  };
  const auto rounds_to_next_recovery = [&] {
    const double before = metrics_.Sum("millrace_recoveries_total");
    int rounds = 0;
    for (; rounds < 50 && metrics_.Sum("millrace_recoveries_total") == before; ++rounds) {
      EXPECT_TRUE(worker->RunOnce(Duration(0)).ok());
    }
    return rounds;
  };
  for (int again = 0; again < 2; ++again) {
    refuse_commits(4);
    rounds_to_next_recovery();
    const int at_once = rounds_to_next_recovery();
    EXPECT_EQ(rounds_to_next_recovery(), at_once + 1);
    EXPECT_EQ(rounds_to_next_recovery(), at_once + 1);
    RunUntilQuiet({worker.get()});  // commits: the next one begins at once again
  }
  ASSERT_TRUE(worker->Stop().ok());
  ExpectExactlyOnce();
}

TEST_F(WorkerTest, StateThatIsTooLargeForItsChangelogStopsItWithTheNameOfTheStep) {
  NewTopic narrow;
  narrow.name = "narrow";
  narrow.partitions = 2;
  narrow.config["max.message.bytes"] = "4";
  ASSERT_TRUE(log_.CreateTopic(narrow).ok());
  topology_.sub_topologies[0].tables = {{"count", "narrow"}};
  auto worker = MakeWorker("w0");
  WriteInput(1);
  Status status;
  for (int round = 0; round < 100 && status.ok(); ++round) status = worker->RunOnce(Duration(0));
  EXPECT_THAT(status.message(),
              testing::HasSubstr("step count: what it keeps for one key is too large for its "
                                 "changelog topic"));
  EXPECT_TRUE(log_.Read({"out", Partition(0)}).empty()) << "nothing of the transaction counts";
}

TEST_F(WorkerTest, AFencedWorkerStops) {
  auto worker = MakeWorker("w0");
  WriteInput(10);
  RunUntilQuiet({worker.get()});
  auto thief = cluster_.MakeProducer("w0");
  ASSERT_TRUE((*thief)->Init().ok());
  WriteInput(10);
  Status status;
  for (int i = 0; i < 20 && status.ok(); ++i) status = worker->RunOnce(Duration(0));
  EXPECT_EQ(status.code(), StatusCode::kFenced) << status.ToString();
}

TEST_F(WorkerTest, AStopWhileTheGroupMovesOnIsNoFailure) {
  WorkerOptions options;
  options.id = "w0";
  options.commit_interval = std::chrono::hours(1);
  WriteInput(20);
  for (const LogCall call : {LogCall::kSendOffsets, LogCall::kCommit}) {
    Worker worker(context_, cluster_, options);
    ASSERT_TRUE(worker.Start().ok());
    const double before = metrics_.Sum("millrace_records_in_total");
    for (int round = 0; round < 50 && metrics_.Sum("millrace_records_in_total") == before; ++round)
      ASSERT_TRUE(worker.RunOnce(Duration(0)).ok());
    log_.Inject({.call = call, .nth = 1, .outcome = FaultOutcome::kAborted});
    EXPECT_TRUE(worker.Stop().ok());
  }
  EXPECT_TRUE(log_.Read({"out", Partition(0)}).empty())
      << "something was committed, so the faults never fired";
  auto next = MakeWorker("w0");
  RunUntilQuiet({next.get()});
  ASSERT_TRUE(next->Stop().ok());
  ExpectExactlyOnce();
}

TEST_F(WorkerTest, WhatALostAssignmentLeftBehindIsNotCommitted) {
  auto worker = MakeWorker("w0");
  WriteInput(20);
  RunUntilQuiet({worker.get()});
  WriteInput(20);
  log_.KickMember("app", "w0");
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(worker->Stop().ok());
  ExpectExactlyOnce();
}

}  // namespace
}  // namespace millrace
