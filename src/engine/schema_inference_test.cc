#include "engine/schema_inference.h"

#include <memory>
#include <string>
#include <utility>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columnar/schema_text.h"
#include "connectors/memory/memory_cluster.h"
#include "connectors/memory/memory_log.h"
#include "engine/cluster_around.h"
#include "env/clock.h"

namespace millrace {
namespace {

using testing::HasSubstr;

/// A reader whose first `silent` polls take their time and give nothing.
class SlowReader final : public ChangelogReader {
 public:
  SlowReader(std::unique_ptr<ChangelogReader> reader, int silent, Duration pause, ManualClock* clock)
      : reader_(std::move(reader)), silent_(silent), pause_(pause), clock_(*clock) {}
  Result<std::pair<Offset, Offset>> Bounds(const TopicPartition& partition) override {
    return reader_->Bounds(partition);
  }
  Result<Offset> StableEnd(const TopicPartition& partition) override { return reader_->StableEnd(partition); }
  Status Add(const TopicPartition& partition, Offset from) override { return reader_->Add(partition, from); }
  Status Remove(const TopicPartition& partition) override { return reader_->Remove(partition); }
  Result<std::vector<std::shared_ptr<const RecordBlock>>> Poll(Duration wait) override {
    clock_.Advance(pause_);
    if (silent_-- > 0) return std::vector<std::shared_ptr<const RecordBlock>>();
    return reader_->Poll(wait);
  }
  std::vector<UndecodableRecords> TakeUndecodable() override { return reader_->TakeUndecodable(); }
  Offset Position(const TopicPartition& partition) override { return reader_->Position(partition); }

 private:
  const std::unique_ptr<ChangelogReader> reader_;
  int silent_;
  const Duration pause_;
  ManualClock& clock_;
};

class SlowCluster final : public ClusterAround {
 public:
  SlowCluster(Cluster& cluster, ManualClock* clock) : ClusterAround(cluster), clock_(*clock) {}
  Result<std::unique_ptr<ChangelogReader>> MakeChangelogReader() override {
    MR_ASSIGN_OR_RETURN(auto reader, ClusterAround::MakeChangelogReader());
    return std::unique_ptr<ChangelogReader>(
        std::make_unique<SlowReader>(std::move(reader), silent_polls, pause, &clock_));
  }

  int silent_polls = 0;
  Duration pause{400};

 private:
  ManualClock& clock_;
};

class SchemaInference : public testing::Test {
 protected:
  SchemaInference() : log_(&clock_), memory_(&log_), cluster_(memory_, &clock_) {
    EXPECT_TRUE(log_.CreateTopic({"in", 2}).ok());
  }

  void Write(std::int32_t partition, const std::string& value) {
    OutgoingRecord record;
    record.topic = "in";
    record.partition = Partition(partition);
    record.value = BytesView::Of(value);
    EXPECT_TRUE(log_.Append(record).ok());
  }

  Result<std::shared_ptr<arrow::Schema>> Sample() { return SampleSchema("in", "json", cluster_, clock_); }

  ManualClock clock_{EventTime(0)};
  MemoryLog log_;
  MemoryCluster memory_;
  SlowCluster cluster_;
};

TEST_F(SchemaInference, ABrokerThatIsSlowToBeginIsWaitedFor) {
  Write(0, R"({"a": 1})");
  Write(1, R"({"b": "x"})");
  cluster_.silent_polls = 10;
  const auto schema = Sample();
  ASSERT_TRUE(schema.ok()) << schema.status().message();
  EXPECT_EQ(SchemaText(**schema), "{a: int64, b: string}");
}

TEST_F(SchemaInference, RecordsThatDoNotComeAreNoEmptyTopic) {
  Write(0, R"({"a": 1})");
  cluster_.silent_polls = 1'000;
  const Status status = Sample().status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(status.error_class(), ErrorClass::kRetryable);
  EXPECT_THAT(status.message(), HasSubstr("topic 'in' has records, but none of them came within 10s"));
}

TEST_F(SchemaInference, AnEmptyTopicIsSaidAtOnce) {
  const Status status = Sample().status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("topic 'in' is empty"));
  EXPECT_EQ(clock_.Now(), EventTime(0));
}

TEST_F(SchemaInference, SamplingEndsASecondAfterTheFirstRecord) {
  for (int i = 0; i < 100; ++i) Write(i % 2, R"({"a": 1})");
  cluster_.silent_polls = 3;
  cluster_.pause = Duration(2'000);
  ASSERT_TRUE(Sample().ok());
  EXPECT_LE(clock_.Now(), EventTime(10'000)) << "three polls without records, then one with some";
}

}  // namespace
}  // namespace millrace
