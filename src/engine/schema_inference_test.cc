#include "engine/schema_inference.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columnar/schema_text.h"
#include "connect/cluster_around.h"
#include "connectors/memory/memory_cluster.h"
#include "connectors/memory/memory_log.h"
#include "engine/topic_sample.h"
#include "env/clock.h"

namespace millrace {
namespace {

using testing::HasSubstr;

struct Slowness {
  int silent_polls = 0;  ///< of all partitions
  Duration pause{400};   ///< of every poll
  std::optional<Partition> late_partition{};
  int late_by_polls = 4;  ///< late_partition's
};

/// A reader whose polls take their time and at first give nothing.
class SlowReader final : public ChangelogReader {
 public:
  SlowReader(std::unique_ptr<ChangelogReader> reader, Slowness slow, ManualClock* clock)
      : reader_(std::move(reader)), slow_(slow), clock_(*clock) {}
  Result<std::pair<Offset, Offset>> Bounds(const TopicPartition& partition) override {
    return reader_->Bounds(partition);
  }
  Result<Offset> StableEnd(const TopicPartition& partition) override { return reader_->StableEnd(partition); }
  Status Add(const TopicPartition& partition, Offset from) override {
    if (partition.partition != slow_.late_partition) return reader_->Add(partition, from);
    waiting_ = {partition, from};
    return Status::Ok();
  }
  Status Remove(const TopicPartition& partition) override { return reader_->Remove(partition); }
  Result<std::vector<std::shared_ptr<const RecordBlock>>> Poll(Duration wait) override {
    clock_.Advance(slow_.pause);
    if (slow_.silent_polls-- > 0) return std::vector<std::shared_ptr<const RecordBlock>>();
    if (waiting_.has_value() && slow_.late_by_polls-- == 0) {
      MR_RETURN_IF_ERROR(reader_->Add(waiting_->first, waiting_->second));
      waiting_.reset();
    }
    return reader_->Poll(wait);
  }
  std::vector<UndecodableRecords> TakeUndecodable() override { return reader_->TakeUndecodable(); }
  Offset Position(const TopicPartition& partition) override {
    return waiting_.has_value() && waiting_->first == partition ? waiting_->second
                                                                : reader_->Position(partition);
  }

 private:
  const std::unique_ptr<ChangelogReader> reader_;
  Slowness slow_;
  std::optional<std::pair<TopicPartition, Offset>> waiting_;
  ManualClock& clock_;
};

class SlowCluster final : public ClusterAround {
 public:
  SlowCluster(Cluster& cluster, ManualClock* clock) : ClusterAround(cluster), clock_(*clock) {}
  Result<std::unique_ptr<ChangelogReader>> MakeChangelogReader() override {
    MR_ASSIGN_OR_RETURN(auto reader, ClusterAround::MakeChangelogReader());
    return std::unique_ptr<ChangelogReader>(std::make_unique<SlowReader>(std::move(reader), slow, &clock_));
  }

  Slowness slow;

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
  cluster_.slow.silent_polls = 10;
  const auto schema = Sample();
  ASSERT_TRUE(schema.ok()) << schema.status().message();
  EXPECT_EQ(SchemaText(**schema), "{a: int64, b: string}");
}

TEST_F(SchemaInference, RecordsThatDoNotComeAreNoEmptyTopic) {
  Write(0, R"({"a": 1})");
  cluster_.slow.silent_polls = 1'000;
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
  cluster_.slow.silent_polls = 3;
  cluster_.slow.pause = Duration(2'000);
  ASSERT_TRUE(Sample().ok());
  EXPECT_LE(clock_.Now(), EventTime(10'000)) << "three polls without records, then one with some";
}

TEST_F(SchemaInference, APartitionWithMoreRecordsThanTheSampleLeavesTheOthersTheirShare) {
  for (int i = 0; i < 11'000; ++i) Write(0, R"({"x": 1})");
  for (int i = 0; i < 20; ++i) Write(1, R"({"x": 1.5, "y": "late"})");
  const auto schema = Sample();
  ASSERT_TRUE(schema.ok()) << schema.status().message();
  EXPECT_EQ(SchemaText(**schema), "{x: float64, y: string}");
}

TEST_F(SchemaInference, WhatAPartitionDoesNotNeedOfItsShareIsForTheOthers) {
  struct Case {
    const char* name;
    std::vector<int> records;  // by partition; a value is [partition, number]
    std::int64_t most;
    std::vector<int> taken;
  };
  for (const Case& c : {Case{"all fit", {3, 0, 4}, 10, {3, 0, 4}}, Case{"equal shares", {50, 50}, 11, {6, 5}},
                        Case{"one is short", {50, 2, 50}, 20, {9, 2, 9}},
                        Case{"one after the other", {1, 4, 100, 100}, 30, {1, 4, 13, 12}},
                        Case{"a share is nothing", {5, 5, 5}, 2, {1, 1, 0}},
                        Case{"more than one fetch", {25'000, 10}, 22'000, {21'990, 10}}}) {
    SCOPED_TRACE(c.name);
    const std::string topic = "t" + std::to_string(c.most);
    ASSERT_TRUE(log_.CreateTopic({topic, static_cast<std::int32_t>(c.records.size())}).ok());
    std::vector<std::string> expected;
    for (std::size_t p = 0; p < c.records.size(); ++p) {
      for (int i = 0; i < c.records[p]; ++i) {
        const std::string value = std::to_string(p) + "," + std::to_string(i);
        if (i < c.taken[p]) expected.push_back(value);
        OutgoingRecord record{.topic = topic, .partition = Partition(static_cast<std::int32_t>(p))};
        if (i % 7 == 3) {
          ASSERT_TRUE(log_.Append(record).ok());  // null: not part of a sample
        }
        record.value = BytesView::Of(value);
        ASSERT_TRUE(log_.Append(record).ok());
      }
    }
    const auto sample = SampleTopic(topic, static_cast<std::int32_t>(c.records.size()), memory_, clock_,
                                    {.most_values = c.most});
    ASSERT_TRUE(sample.ok()) << sample.status().message();
    std::vector<std::string> values;
    for (const BytesView value : sample->values) values.emplace_back(value.view());
    EXPECT_EQ(values, expected);
  }
}

TEST_F(SchemaInference, AfterASecondEveryPartitionHasGivenSomething) {
  for (int i = 0; i < 3; ++i) Write(0, R"({"a": 1})");
  Write(1, R"({"b": 2})");
  cluster_.slow.late_partition = Partition(1);
  cluster_.slow.pause = Duration(900);
  const auto schema = Sample();
  ASSERT_TRUE(schema.ok()) << schema.status().message();
  EXPECT_EQ(SchemaText(**schema), "{a: int64, b: int64}");
}

}  // namespace
}  // namespace millrace
