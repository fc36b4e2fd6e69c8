// Sinks that deliver in the background: checkpoints wait for them, and nothing is read or lost meanwhile.
#include <deque>
#include <memory>
#include <utility>

#include <gmock/gmock.h>

#include "runtime/worker_harness.h"

namespace millrace {
namespace {

using testing::HasSubstr;

/// The far side: takes what a test lets through, and refuses keys it is told to.
struct FarSide {
  bool open = true;
  std::string refused_key;
  std::string late_key;
  std::vector<std::string> delivered;  // "key/offset", in the order of arrival
  int waits_ms = 0;                    // longest time that a checkpoint was ready to wait
};

/// Sends every row to the far side when it is settled, as one that has batches of its own would.
class DeliveringSink final : public Sink {
 public:
  explicit DeliveringSink(FarSide* far) : far_(far) {}

  Status Write(const Batch& batch, SinkContext& context) override {
    for (std::int64_t i = 0; i < batch.num_rows(); ++i) {
      if (batch.key->GetView(i) == far_->late_key) {
        context.late->push_back({i, 5});
      } else {
        ++context.unsettled;
        waiting_.emplace_back(batch, i);
      }
    }
    return Status::Ok();
  }
  bool Settle(Duration wait) override {
    far_->waits_ms = std::max(far_->waits_ms, static_cast<int>(wait.count()));
    for (; far_->open && !waiting_.empty(); waiting_.pop_front()) {
      const auto& [batch, row] = waiting_.front();
      const std::string key(batch.key->GetView(row));
      if (key == far_->refused_key) {
        failed_.push_back({batch, {{row, "refused", "the far side did not want it"}}});
      } else {
        far_->delivered.push_back(key + "/" + std::to_string(batch.OffsetOf(row).value()));
        ++settled_rows_;
      }
    }
    return waiting_.empty();
  }
  Status Prepare(SinkContext& context) override {
    EXPECT_TRUE(waiting_.empty());
    context.settled = std::exchange(settled_rows_, 0);
    *context.failed = std::exchange(failed_, {});
    return Status::Ok();
  }

 private:
  FarSide* const far_;
  std::deque<std::pair<Batch, std::int64_t>> waiting_;
  std::vector<FailedRows> failed_;
  std::int64_t settled_rows_ = 0;
};

class DeliveryTest : public WorkerTest {
 protected:
  DeliveryTest() {
    for (const char* name : {"dead", "late"}) {
      NewTopic topic;
      topic.name = name;
      EXPECT_TRUE(log_.CreateTopic(topic).ok());
    }
    topology_.dead_letter_topic = "dead";
    auto make = std::exchange(topology_.sub_topologies[0].make_program, {});
    topology_.sub_topologies[0].make_program = [this, make](Partition partition, StateStore* store) {
      Result<TaskProgram> program = make(partition, store);
      program->nodes[0].next = {1, 2};
      ChainNode delivery;
      delivery.name = "delivery";
      delivery.sink = std::make_unique<DeliveringSink>(&far_);
      delivery.late_sink = std::make_unique<EchoSink>("late");
      delivery.on_error = ErrorPolicy::kDeadLetter;
      program->nodes.push_back(std::move(delivery));  // count -> sink, delivery
      return program;
    };
  }

  std::vector<std::string> Expected(const std::string& but_key = "") {
    std::vector<std::string> expected;
    for (int p = 0; p < 2; ++p) {
      for (const MemoryRecord& record : log_.Read({"in", Partition(p)})) {
        if (*record.key != but_key)
          expected.push_back(*record.key + "/" + std::to_string(record.offset.value()));
      }
    }
    return expected;
  }
  void Rounds(Worker& worker, int rounds) {
    for (int i = 0; i < rounds; ++i) ASSERT_TRUE(worker.RunOnce(Duration(0)).ok());
  }
  std::int64_t Committed() {
    std::int64_t sum = 0;
    for (const CommittedOffset& at : log_.AllCommitted("app")) sum += at.offset.value();
    return sum;
  }

  FarSide far_;
};

TEST_F(DeliveryTest, NothingIsCommittedBeforeItIsDeliveredAndNothingIsReadMeanwhile) {
  auto worker = MakeWorker("w0");
  WriteInput(20);
  RunUntilQuiet({worker.get()});
  EXPECT_EQ(Committed(), 20);

  far_.open = false;
  WriteInput(20);
  Rounds(*worker, 50);
  EXPECT_EQ(Committed(), 20);
  EXPECT_EQ(far_.delivered.size(), 20U);
  EXPECT_FALSE(worker->quiet());
  EXPECT_EQ(far_.waits_ms, 0) << "the worker stood still, and did not poll";
  EXPECT_EQ(metrics_.Sum("millrace_recoveries_total"), 0);
  EXPECT_LT(metrics_.Sum("millrace_records_in_total"), 40) << "reading went on without bound";

  far_.open = true;
  RunUntilQuiet({worker.get()});
  EXPECT_EQ(Committed(), 40);
  EXPECT_THAT(far_.delivered, testing::UnorderedElementsAreArray(Expected()));
  ASSERT_TRUE(worker->Stop().ok());
  ExpectExactlyOnce();
}

TEST_F(DeliveryTest, ARowThatTheFarSideRefusesIsADeadLetterAndTheOthersAreCounted) {
  far_.refused_key = "k3";
  auto worker = MakeWorker("w0");
  WriteInput(21);  // three of each key
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(worker->Stop().ok());
  EXPECT_THAT(far_.delivered, testing::UnorderedElementsAreArray(Expected("k3")));
  const auto letters = log_.Read({"dead", Partition(0)});
  ASSERT_EQ(letters.size(), 3U);
  for (const MemoryRecord& letter : letters) {
    EXPECT_EQ(letter.key, "k3");
    std::string headers;
    for (const MemoryHeader& header : letter.headers) headers += header.name + "=" + *header.value + "\n";
    EXPECT_THAT(headers,
                testing::AllOf(HasSubstr("errors.stage=delivery\n"), HasSubstr("class.name=refused\n"),
                               HasSubstr("the far side did not want it\n")));
  }
  const auto of_delivery = [&](const char* name) {
    return metrics_.GetCounter(name, "", {{"step", "delivery"}}).value();
  };
  EXPECT_EQ(of_delivery("millrace_step_rows_in_total"), 21);
  EXPECT_EQ(of_delivery("millrace_step_rows_out_total"), 18);
  EXPECT_EQ(of_delivery("millrace_step_rows_dead_lettered_total"), 3);
}

TEST_F(DeliveryTest, ARowThatComesTooLateForTheSinkGoesToItsLateOutput) {
  far_.late_key = "k5";
  auto worker = MakeWorker("w0");
  WriteInput(14);
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(worker->Stop().ok());
  EXPECT_THAT(far_.delivered, testing::UnorderedElementsAreArray(Expected("k5")));
  const auto late = log_.Read({"late", Partition(0)});
  ASSERT_EQ(late.size(), 2U);
  for (const MemoryRecord& record : late) EXPECT_EQ(record.key, "k5");
  const auto of_delivery = [&](const char* name) {
    return metrics_.GetCounter(name, "", {{"step", "delivery"}}).value();
  };
  EXPECT_EQ(of_delivery("millrace_step_rows_in_total"), 14);
  EXPECT_EQ(of_delivery("millrace_step_rows_out_total"), 12);
  EXPECT_EQ(of_delivery("millrace_step_rows_late_total"), 2);
  EXPECT_TRUE(log_.Read({"dead", Partition(0)}).empty());
}

TEST_F(DeliveryTest, AStopWaitsForALittleAndLeavesTheInputToTheNextStart) {
  auto worker = MakeWorker("w0");
  WriteInput(10);
  RunUntilQuiet({worker.get()});
  far_.open = false;
  WriteInput(10);
  Rounds(*worker, 10);
  const Status stopped = worker->Stop();
  EXPECT_EQ(stopped.code(), StatusCode::kTimeout);
  EXPECT_THAT(stopped.message(), HasSubstr("on their way to a sink"));
  EXPECT_GT(far_.waits_ms, 0);
  EXPECT_EQ(Committed(), 10);

  far_.open = true;
  worker = MakeWorker("w0");
  RunUntilQuiet({worker.get()});
  ASSERT_TRUE(worker->Stop().ok());
  EXPECT_THAT(far_.delivered, testing::UnorderedElementsAreArray(Expected()));
  ExpectExactlyOnce();
}

TEST_F(DeliveryTest, ARebalanceWaitsForALittleAndTheOtherMemberSendsAgain) {
  auto first = MakeWorker("w0");
  WriteInput(10);
  RunUntilQuiet({first.get()});
  far_.open = false;
  WriteInput(10);
  Rounds(*first, 10);
  auto second = MakeWorker("w1");
  for (int i = 0; i < 20; ++i) {
    Rounds(*first, 1);
    Rounds(*second, 1);
  }
  EXPECT_GT(far_.waits_ms, 0);
  EXPECT_EQ(Committed(), 10);
  far_.open = true;
  RunUntilQuiet({first.get(), second.get()});
  EXPECT_THAT(far_.delivered, testing::UnorderedElementsAreArray(Expected()));
  ASSERT_TRUE(first->Stop().ok());
  ASSERT_TRUE(second->Stop().ok());
  ExpectExactlyOnce();
}

}  // namespace
}  // namespace millrace
