#include "kafka/statistics.h"

#include <gtest/gtest.h>

namespace millrace::kafka {
namespace {

constexpr std::string_view kReport =
    R"({ "name": "rdkafka#consumer-1", "ts":5016483227792, "age":1, "brokers":{
  "localhost:9092/2":{ "name":"localhost:9092/2", "nodeid":2, "state":"UP", "rxidle":95000,
     "req":{"Fetch":31}, "toppars":{ "orders-1": { "topic":"orders", "partition":1} } },
  "localhost:9093/3":{ "name":"localhost:9093/3", "nodeid":3, "rxidle":-1, "toppars":{} } },
  "topics":{ "orders": { "topic":"orders", "batchsize":{ "min":0, "max":0.5 }, "partitions":{
     "1": { "partition":1, "broker":2, "leader":2, "hi_offset":1050, "ls_offset":1043, "list":[1,[2]] },
     "2": { "partition":2, "broker":3, "leader":3, "hi_offset":-1001, "ls_offset":-1001 },
     "-1": { "partition":-1, "leader":-1, "hi_offset":-1001 } } } }, "cgrp": { "state": "up" } })";

TEST(Statistics, OffsetsAndTheLeadersSilenceAreRead) {
  const auto read = ReadStatistics(kReport);
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0].partition, (TopicPartition{"orders", Partition(1)}));
  EXPECT_EQ(read[0].high, 1050);
  EXPECT_EQ(read[0].last_stable, 1043);
  EXPECT_EQ(read[0].leader_silent, std::chrono::microseconds(95'000));
  EXPECT_EQ(read[1].leader_silent, std::chrono::microseconds::max());
}

TEST(Statistics, TextThatIsCutOffAnywhereGivesNothingOrLess) {
  for (std::size_t size = 0; size + 1 < kReport.size(); ++size) {
    EXPECT_TRUE(ReadStatistics(kReport.substr(0, size)).empty()) << size;
  }
}

}  // namespace
}  // namespace millrace::kafka
