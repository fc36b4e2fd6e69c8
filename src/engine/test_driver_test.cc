#include "engine/test_driver.h"

#include <algorithm>

#include <arrow/compute/initialize.h>
#include <gtest/gtest.h>

#include "engine/yaml/pipeline_file.h"

namespace millrace {
namespace {

constexpr const char* kBids = R"(
name: bids-per-minute
source:
  topic: bids
  format: json
  key: auction
  timestamp: ts
  schema: {ts: "timestamp[ms]", auction: int64, price: double}
dead_letter: {topic: bids_dead}
steps:
  - filter: price > 50
  - with: {revenue: price * 2}
  - window:
      by: [auction]
      tumbling: 1m
      grace: 5s
      aggregate: {bids: count(), total: sum(revenue), best: max(price)}
sinks:
  - topic: bids_per_minute
    format: json
    key: auction
)";

struct Case {
  const char* name;
  int workers;
  std::int64_t batch_rows;
  bool restart;
  std::int32_t partitions;
};

class MainJob : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override { ASSERT_TRUE(arrow::compute::Initialize().ok()); }
};

TEST_P(MainJob, CountsPerMinuteAndSetsBrokenRecordsAside) {
  auto file = ReadPipelineText("bids.yaml", kBids, SubstitutionSources{});
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  TestDriverOptions options;
  options.start = EventTime(1'000'000);
  options.workers = GetParam().workers;
  options.batch_rows = GetParam().batch_rows;
  options.restart = GetParam().restart ? TestRestart::kKill : TestRestart::kNever;
  options.source_partitions = GetParam().partitions;
  auto driver = TestDriver::Make(file->plan, options);
  ASSERT_TRUE(driver.ok()) << driver.status().ToString();
  const auto write = [&](const char* key, const char* value) {
    TestInputRecord record;
    record.topic = "bids";
    record.key = key;
    record.value = value;
    const Status status = (*driver)->Write(record);
    ASSERT_TRUE(status.ok()) << status.ToString();
  };
  write("1", R"({"ts": 1000, "auction": 1, "price": 60})");
  write("1", R"({"ts": 2000, "auction": 1, "price": 70.5})");
  write("2", R"({"ts": 2500, "auction": 2, "price": 10})");
  write("2", R"({"ts": 3000, "auction": 2, "price": 51})");
  write("2", R"({"ts": broken)");
  write("1", R"({"ts": 66000, "auction": 1, "price": 80})");
  write("1", R"({"ts": 4000, "auction": 1, "price": 99})");
  Status ran = (*driver)->RunUntilIdle();
  ASSERT_TRUE(ran.ok()) << ran.ToString();
  auto rows = (*driver)->Read("bids_per_minute");
  ASSERT_TRUE(rows.ok()) << rows.status().ToString();
  std::sort(rows->begin(), rows->end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ(*(*rows)[0].value,
            R"({"auction":1,"window_start":0,"window_end":60000,"bids":2,"total":261,"best":70.5})");
  EXPECT_EQ((*rows)[0].timestamp, EventTime(59'999));
  EXPECT_EQ(*(*rows)[1].value,
            R"({"auction":2,"window_start":0,"window_end":60000,"bids":1,"total":102,"best":51})");
  EXPECT_EQ(*(*rows)[1].key, "2");
  const auto dead = (*driver)->Read("bids_dead");
  ASSERT_TRUE(dead.ok());
  ASSERT_EQ(dead->size(), 1U);
  EXPECT_EQ(*(*dead)[0].value, R"({"ts": broken)");
  (*driver)->AdvanceClock(Duration(11'000));
  ran = (*driver)->RunUntilIdle();
  ASSERT_TRUE(ran.ok()) << ran.ToString();
  (*driver)->AdvanceClock(Duration(60'000));
  ran = (*driver)->RunUntilIdle();
  ASSERT_TRUE(ran.ok()) << ran.ToString();
  EXPECT_EQ((*driver)->Read("bids_per_minute")->size(), 3U);
}

INSTANTIATE_TEST_SUITE_P(Configs, MainJob,
                         ::testing::Values(Case{"as_is", 1, 0, false, 1}, Case{"one_row", 1, 1, false, 1},
                                           Case{"restart", 1, 2, true, 1},
                                           Case{"two_workers", 2, 0, false, 2}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace millrace
