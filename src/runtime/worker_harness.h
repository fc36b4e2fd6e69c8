#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "columnar/key_encoding.h"
#include "connectors/memory/memory_cluster.h"
#include "env/file.h"
#include "env/random.h"
#include "runtime/worker.h"

namespace millrace {

// A pipeline of one counting operator on the log in memory, and what must hold for it.

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

/// Writes the offset of every row.
class EchoSink final : public Sink {
 public:
  explicit EchoSink(std::string topic = "out") : topic_(std::move(topic)) {}
  Status Write(const Batch& batch, SinkContext& context) override {
    for (std::int64_t i = 0; i < batch.num_rows(); ++i) {
      const std::string value = std::to_string(batch.OffsetOf(i).value());
      OutgoingRecord record;
      record.topic = topic_;
      record.key = BytesView::Of(batch.key->GetView(i));
      record.value = BytesView::Of(value);
      context.bytes += record.key.size + record.value.size;
      MR_RETURN_IF_ERROR(context.producer->Send(record));
    }
    return Status::Ok();
  }

 private:
  const std::string topic_;
};

/// A program of so many nodes, yet empty, whose first one gets the rows of "in".
inline TaskProgram ReadingInput(std::size_t nodes) {
  TaskProgram program;
  program.inputs.resize(1);
  program.inputs[0].topic = "in";
  program.inputs[0].reader = std::make_unique<KeyReader>();
  program.inputs[0].entries = {0};
  program.nodes.resize(nodes);
  return program;
}

/// Writes keyed records to "in", runs workers on them by hand, and compares "out" and the changelog with what
/// was written.
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
      TaskProgram program = ReadingInput(2);
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
                .state_dir = dir_,
                .http_address = "here:1"};
  }
  ~WorkerTest() override { EXPECT_TRUE(RemoveAll(dir_).ok()); }

  std::unique_ptr<Worker> MakeWorker(const std::string& id, std::int64_t batch_rows = 4,
                                     Duration commit_interval = Duration(0)) {
    WorkerOptions options;
    options.id = id;
    options.commit_interval = commit_interval;
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

}  // namespace millrace
