#include <utility>

#include <gmock/gmock.h>

#include "runtime/worker.h"
#include "runtime/worker_harness.h"

namespace millrace {
namespace {

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

/// Passes rows on, and emits one of its own each time the clock passes a whole minute.
class MinuteOperator final : public Operator {
 public:
  Status Process(Batch batch, Output& output) override { return output.Emit(std::move(batch)); }
  Status AdvanceTime(Watermark watermark, Output& output) override {
    const std::int64_t minute = watermark.value() / 60'000;
    if (minute <= std::exchange(minute_, minute)) return Status::Ok();
    Batch batch;
    arrow::BinaryBuilder keys;
    EXPECT_TRUE(keys.Append("minute").ok());
    batch.key = std::static_pointer_cast<arrow::BinaryArray>(keys.Finish().ValueOrDie());
    batch.data = arrow::RecordBatch::Make(schema_, 1, arrow::ArrayVector{});
    batch.origin = {{"in", Partition(0)}, Offset(0), Offset(0)};
    return output.Emit(std::move(batch));
  }
  const std::shared_ptr<arrow::Schema>& output_schema() const override { return schema_; }

 private:
  std::int64_t minute_ = 0;
  const std::shared_ptr<arrow::Schema> schema_ = arrow::schema({});
};

class QuietTopicTest : public WorkerTest {
 protected:
  QuietTopicTest() {
    auto make = std::exchange(topology_.sub_topologies[0].make_program, {});
    topology_.sub_topologies[0].make_program = [this, make](Partition partition, StateStore* store) {
      Result<TaskProgram> program = make(partition, store);
      program->nodes.back().internal = others_learn_;
      ChainNode minutes;
      minutes.name = "minutes";
      minutes.op = std::make_unique<MinuteOperator>();
      minutes.next = {2};
      program->nodes.insert(program->nodes.begin() + 1, std::move(minutes));  // count -> minutes -> sink
      return program;
    };
  }

  bool others_learn_ = false;  // the sink is that of a repartition topic

  double Commits() { return metrics_.Sum("millrace_commits_total"); }
  void RunFor(Worker& worker, Duration time) {
    for (Duration passed(0); passed < time; passed += Duration(100)) {
      clock_.Advance(Duration(100));
      ASSERT_TRUE(worker.RunOnce(Duration(0)).ok());
    }
  }
};

TEST_F(QuietTopicTest, AClockThatMovesForNobodyIsCommittedSeldomAndAtTheEnd) {
  auto worker = MakeWorker("w0");
  WriteInput(50);
  RunUntilQuiet({worker.get()});
  RunFor(*worker, std::chrono::seconds(15));  // idle by now
  const double before = Commits();
  RunFor(*worker, std::chrono::seconds(30));
  EXPECT_GE(Commits() - before, 2);
  EXPECT_LE(Commits() - before, 4);
  RunFor(*worker, std::chrono::seconds(1));
  const double at_end = Commits();
  ASSERT_TRUE(worker->Stop().ok());
  EXPECT_EQ(Commits() - at_end, 1) << "the clock of the last second";
  ExpectExactlyOnce();
}

TEST_F(QuietTopicTest, AClockThatOthersLearnFromHereIsCommittedOnceASecond) {
  others_learn_ = true;
  auto worker = MakeWorker("w0");
  WriteInput(50);
  RunUntilQuiet({worker.get()});
  RunFor(*worker, std::chrono::seconds(15));  // idle by now
  const double before = Commits();
  RunFor(*worker, std::chrono::seconds(30));
  EXPECT_GE(Commits() - before, 28);
  EXPECT_LE(Commits() - before, 31);
  ASSERT_TRUE(worker->Stop().ok());
}

TEST_F(QuietTopicTest, RowsThatComeOfTheClockAreCommittedAtOnce) {
  auto worker = MakeWorker("w0");
  WriteInput(50);
  RunUntilQuiet({worker.get()});
  const std::size_t rows = log_.Read({"out", Partition(0)}).size();
  Duration waited(0);
  for (; log_.Read({"out", Partition(0)}).size() == rows; waited += Duration(100)) {
    ASSERT_LT(waited, std::chrono::minutes(3));
    RunFor(*worker, Duration(100));
  }
  // Idle after 10 s, at 1.049 s of event time: a whole minute after 58.951 s more.
  EXPECT_GE(waited, Duration(68'900));
  EXPECT_LE(waited, Duration(69'200));
  ASSERT_TRUE(worker->Stop().ok());
}

/// Has a note while rows wait to be published.
class WaitingSink final : public Sink {
 public:
  Status Recover(std::string_view note) override {
    EXPECT_TRUE(note.empty() || note == "rows");
    return Status::Ok();
  }
  Status Write(const Batch& /*batch*/, SinkContext& /*context*/) override {
    waiting_ = true;
    return Status::Ok();
  }
  Status Prepare(SinkContext& /*context*/) override {
    prepared_ = waiting_;
    return Status::Ok();
  }
  std::string Note() const override { return prepared_ ? "rows" : ""; }
  bool TakesNotes() const override { return true; }
  Status Publish() override {
    waiting_ = false;
    return Status::Ok();
  }

 private:
  bool waiting_ = false;
  bool prepared_ = false;
};

TEST_F(WorkerTest, AfterACleanStopNothingOfASinkHasToBeFoundAgain) {
  const auto make_program = topology_.sub_topologies[0].make_program;
  topology_.sub_topologies[0].make_program = [&](Partition partition, StateStore* store) {
    auto program = make_program(partition, store);
    program->nodes[1].sink = std::make_unique<WaitingSink>();
    return program;
  };
  const auto notes = [this] {
    int found = 0;
    const auto offsets = *cluster_.groups()->Offsets("app");
    for (const CommittedOffset& at : offsets)
      found += at.metadata.find("|sink=rows") != std::string::npos ? 1 : 0;
    EXPECT_EQ(offsets.size(), 2U);
    return found;
  };
  auto worker = MakeWorker("w0");
  WriteInput(50);
  RunUntilQuiet({worker.get()});
  EXPECT_EQ(notes(), 2);
  worker.reset();  // as after kill -9
  worker = MakeWorker("w0");
  RunUntilQuiet({worker.get()});
  EXPECT_EQ(notes(), 2) << "it was killed, and what recovered has read nothing since";
  ASSERT_TRUE(worker->Stop().ok());
  EXPECT_EQ(notes(), 0);
  worker = MakeWorker("w0");
  WriteInput(50);
  RunUntilQuiet({worker.get()});
  EXPECT_EQ(notes(), 2);
  ASSERT_TRUE(worker->Stop().ok());
  EXPECT_EQ(notes(), 0);
}

}  // namespace
}  // namespace millrace
