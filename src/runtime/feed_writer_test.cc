#include "runtime/feed_writer.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "connectors/memory/memory_cluster.h"

namespace millrace {
namespace {

class FeedWriterTest : public ::testing::Test {
 protected:
  FeedWriterTest() : clock_(EventTime(1'000)), log_(&clock_, {.max_message_bytes = 1'000}), cluster_(&log_) {
    NewTopic topic;
    topic.name = "rows";
    EXPECT_TRUE(log_.CreateTopic(topic).ok());
  }
  Status Write(const std::string& key, const std::string& value = "v") {
    return writer_.Write({key, value, EventTime(7)}, [this, key](const Status& status) {
      answers_.push_back(key + ": " + std::string(StatusCodeName(status.code())));
    });
  }
  std::vector<std::string> Keys() {
    std::vector<std::string> keys;
    for (const MemoryRecord& record : log_.Read({"rows", Partition(0)})) keys.push_back(*record.key);
    return keys;
  }

  ManualClock clock_;
  MemoryLog log_;
  MemoryCluster cluster_;
  MetricRegistry metrics_;
  FeedWriter writer_{"source-1", "rows", cluster_, metrics_};
  std::vector<std::string> answers_;
};

TEST_F(FeedWriterTest, AnswersWhenKafkaHasTheRecord) {
  ASSERT_TRUE(Write("a").ok());
  ASSERT_TRUE(Write("b").ok());
  EXPECT_TRUE(answers_.empty());
  writer_.RunOnce(Duration(0));
  EXPECT_EQ(answers_, (std::vector<std::string>{"a: ok", "b: ok"}));
  EXPECT_EQ(Keys(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(log_.Read({"rows", Partition(0)})[0].timestamp_ms, 7);
  EXPECT_EQ(metrics_.Sum("millrace_feed_records_total"), 2);
}

TEST_F(FeedWriterTest, ARecordThatKafkaDoesNotTakeIsToldToItsSenderAlone) {
  ASSERT_TRUE(Write("a").ok());
  ASSERT_TRUE(Write("large", std::string(2'000, 'x')).ok());
  ASSERT_TRUE(Write("c").ok());
  writer_.RunOnce(Duration(0));
  EXPECT_EQ(answers_, (std::vector<std::string>{"a: ok", "large: invalid_argument", "c: ok"}));
  EXPECT_EQ(Keys(), (std::vector<std::string>{"a", "c"}));
}

TEST_F(FeedWriterTest, AfterAFailureItGoesOn) {
  log_.Inject({.call = LogCall::kInit, .nth = 1, .outcome = FaultOutcome::kUnavailable});
  ASSERT_TRUE(Write("a").ok());
  writer_.RunOnce(Duration(0));
  ASSERT_TRUE(Write("a").ok());
  writer_.RunOnce(Duration(0));
  EXPECT_EQ(answers_, (std::vector<std::string>{"a: unavailable", "a: ok"}));
  EXPECT_EQ(metrics_.Sum("millrace_feed_errors_total"), 1);
}

TEST_F(FeedWriterTest, TakesNoMoreThanItCanHold) {
  Status status;
  int taken = 0;
  for (; taken < 5'000 && status.ok(); ++taken) status = Write(std::to_string(taken));
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(taken, 1'001);
  writer_.RunOnce(Duration(0));
  EXPECT_EQ(Keys().size(), 1'000U);
  EXPECT_TRUE(Write("again").ok());
}

TEST_F(FeedWriterTest, AStopAnswersWhatWaits) {
  ASSERT_TRUE(Write("a").ok());
  writer_.Stop();
  EXPECT_EQ(answers_, std::vector<std::string>{"a: cancelled"});
  EXPECT_EQ(Write("b").code(), StatusCode::kCancelled);
  EXPECT_TRUE(Keys().empty());
}

}  // namespace
}  // namespace millrace
