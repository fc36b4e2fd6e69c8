#include "runtime/worker.h"

#include <algorithm>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "columnar/key_encoding.h"
#include "connectors/memory/memory_cluster.h"
#include "env/file.h"
#include "env/random.h"

namespace millrace {
namespace {

/// Rows without payload: key and time are all this pipeline needs.
class KeyReader final : public InputReader {
 public:
  Result<InputItems> Read(std::shared_ptr<const RecordBlock> block) override {
    arrow::BinaryBuilder keys;
    arrow::Int64Builder times;
    for (std::int64_t i = 0; i < block->num_records(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      EXPECT_TRUE(keys.Append(block->keys()[at].view()).ok());
      EXPECT_TRUE(times.Append(block->timestamps_ms()[at]).ok());
    }
    Batch batch;
    batch.key = std::static_pointer_cast<arrow::BinaryArray>(keys.Finish().ValueOrDie());
    batch.event_time = std::static_pointer_cast<arrow::Int64Array>(times.Finish().ValueOrDie());
    batch.data = arrow::RecordBatch::Make(arrow::schema({}), block->num_records(), arrow::ArrayVector{});
    batch.block = block;
    batch.origin = {block->partition(), Offset(block->offsets().front()), Offset(block->offsets().back())};
    InputItems out;
    out.items.emplace_back(std::move(batch));
    return out;
  }
};

/// Counts per key in state and passes every row on: the count is what must survive.
class CountingOperator final : public Operator, private SlotRows {
 public:
  static Result<std::unique_ptr<Operator>> Make(StateStore& store) {
    std::unique_ptr<CountingOperator> made(new CountingOperator());
    MR_ASSIGN_OR_RETURN(made->table_, store.AddTable("count", made.get()));
    return std::unique_ptr<Operator>(std::move(made));
  }

  Status Process(Batch batch, Output& output) override {
    const std::vector<std::int64_t> slices(static_cast<std::size_t>(batch.num_rows()), 0);
    std::vector<std::uint32_t> slots(slices.size());
    KeyColumn keys;
    keys.data = reinterpret_cast<const char*>(batch.key->raw_data());
    keys.offsets = {batch.key->raw_value_offsets(), slices.size() + 1};
    MR_RETURN_IF_ERROR(table_->Lookup(slices, keys, slots));
    for (const std::uint32_t slot : slots) ++counts_[slot];
    return output.Emit(std::move(batch));
  }
  const std::shared_ptr<arrow::Schema>& output_schema() const override { return schema_; }

 private:
  CountingOperator() = default;
  void Resize(std::uint32_t slots) override { counts_.resize(slots); }
  void Clear(std::uint32_t slot) override { counts_[slot] = 0; }
  void Encode(std::uint32_t slot, std::string* out) const override { *out += std::to_string(counts_[slot]); }
  Status Decode(std::uint32_t slot, std::string_view bytes) override {
    counts_[slot] = std::stoll(std::string(bytes));
    return Status::Ok();
  }

  std::vector<std::int64_t> counts_;
  KeyedTable* table_ = nullptr;
  const std::shared_ptr<arrow::Schema> schema_ = arrow::schema({});
};

class EchoSink final : public Sink {
 public:
  Status Write(const Batch& batch, SinkContext& context) override {
    for (std::int64_t i = 0; i < batch.num_rows(); ++i) {
      const std::string value = std::to_string(batch.OffsetOf(i).value());
      OutgoingRecord record;
      record.topic = "out";
      record.key = BytesView::Of(batch.key->GetView(i));
      record.value = BytesView::Of(value);
      context.bytes += record.key.size + record.value.size;
      MR_RETURN_IF_ERROR(context.producer->Send(record));
    }
    return Status::Ok();
  }
};

class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest()
      : clock_(EventTime(1'000'000)),
        log_(&clock_),
        cluster_(&log_),
        dir_(::testing::TempDir() + "/millrace-worker-" + RandomId()) {
    for (const auto& [name, partitions] :
         {std::pair("in", 2), std::pair("out", 1), std::pair("changelog", 2)}) {
      NewTopic topic;
      topic.name = name;
      topic.partitions = partitions;
      EXPECT_TRUE(log_.CreateTopic(topic).ok());
    }
    SubTopology sub;
    sub.name = "main";
    sub.input_topics = {"in"};
    sub.partitions = 2;
    sub.tables = {{"count", "changelog"}};
    sub.state_layout = "count=int64\n";
    sub.make_program = [](Partition, StateStore* store) -> Result<TaskProgram> {
      TaskProgram program;
      program.inputs.resize(1);
      program.inputs[0].topic = "in";
      program.inputs[0].reader = std::make_unique<KeyReader>();
      program.inputs[0].entries = {0};
      program.nodes.resize(2);
      program.nodes[0].name = "count";
      MR_ASSIGN_OR_RETURN(program.nodes[0].op, CountingOperator::Make(*store));
      program.nodes[0].next = {1};
      program.nodes[1].name = "sink";
      program.nodes[1].sink = std::make_unique<EchoSink>();
      return program;
    };
    topology_.app = "app";
    topology_.sub_topologies = {std::move(sub)};
    state_ = *StateRuntime::Make(ByteCount(8 << 20));
    context_ = {.topology = &topology_,
                .clock = &clock_,
                .metrics = &metrics_,
                .state_runtime = state_.get(),
                .state_dir = dir_};
  }
  ~WorkerTest() override { EXPECT_TRUE(RemoveAll(dir_).ok()); }

  std::unique_ptr<Worker> MakeWorker(const std::string& id, std::int64_t batch_rows = 4) {
    WorkerOptions options;
    options.id = id;
    options.commit_interval = Duration(0);
    options.poll.max_records = batch_rows;
    auto worker = std::make_unique<Worker>(context_, cluster_, std::move(options));
    EXPECT_TRUE(worker->Start().ok());
    return worker;
  }

  void WriteInput(int records) {
    for (int i = 0; i < records; ++i, ++written_) {
      const std::string key = "k" + std::to_string(written_ % keys_);
      OutgoingRecord record;
      record.topic = "in";
      record.partition = Partition(written_ % keys_ % 2);
      record.key = BytesView::Of(key);
      record.value = BytesView::Of("v");
      record.timestamp_ms = 1'000 + written_;
      ASSERT_TRUE(log_.Append(record).ok());
    }
  }

  void RunUntilQuiet(const std::vector<Worker*>& workers) {
    for (int round = 0, quiet = 0; round < 5'000 && quiet < 4; ++round) {
      bool all = true;
      for (Worker* worker : workers) {
        const Status status = worker->RunOnce(Duration(0));
        ASSERT_TRUE(status.ok()) << status.ToString();
        all = all && worker->quiet();
      }
      quiet = all ? quiet + 1 : 0;
    }
  }

  /// Every input record came out once, in order per key, and the changelog's last counts are the oracle's.
  void ExpectExactlyOnce() {
    std::map<std::string, std::vector<std::int64_t>> by_key;
    for (const MemoryRecord& record : log_.Read({"out", Partition(0)}))
      by_key[*record.key].push_back(std::stoll(*record.value));
    std::map<std::string, std::vector<std::int64_t>> expected;
    std::map<std::string, std::string> counts;
    for (int p = 0; p < 2; ++p) {
      for (const MemoryRecord& record : log_.Read({"in", Partition(p)}))
        expected[*record.key].push_back(record.offset.value());
      for (const MemoryRecord& record : log_.Read({"changelog", Partition(p)}))
        counts[record.key->substr(8)] = record.value.value_or("gone");
    }
    EXPECT_EQ(by_key, expected);
    for (const auto& [key, offsets] : expected) EXPECT_EQ(counts[key], std::to_string(offsets.size())) << key;
  }

  ManualClock clock_;
  MemoryLog log_;
  MemoryCluster cluster_;
  MetricRegistry metrics_;
  const std::string dir_;
  Topology topology_;
  std::unique_ptr<StateRuntime> state_;
  TaskContext context_;
  int written_ = 0;
  int keys_ = 7;
};

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

TEST_F(WorkerTest, APartitionThatCameAfterTheStartIsNotPassedOverInSilence) {
  topology_.sub_topologies[0].partitions = 1;  // what the topic had when the pipeline was set up
  auto worker = MakeWorker("w0");
  WriteInput(10);
  Status status;
  for (int i = 0; i < 10 && status.ok(); ++i) status = worker->RunOnce(Duration(0));
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << status.ToString();
  EXPECT_NE(status.message().find("'in' has more partitions"), std::string::npos) << status.ToString();
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
