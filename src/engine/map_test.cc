// DataFrame::Map end to end: its state is committed with the results, survives restarts and moves with its
// key.

#include <arrow/api.h>
#include <arrow/compute/initialize.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/build_plan.h"
#include "engine/test_driver.h"
#include "millrace/millrace.h"

namespace millrace {
namespace {

using ::testing::ElementsAre;

struct Session {
  std::int64_t clicks;
  std::int64_t first_ms;
};

/// Clicks of the user's session so far, and how long it has lasted; a null page ends it; "oops" fails.
std::shared_ptr<arrow::RecordBatch> Sessions(const std::shared_ptr<arrow::RecordBatch>& rows,
                                             KeyedState& state) {
  const auto& times = static_cast<const arrow::TimestampArray&>(*rows->GetColumnByName("t"));
  const auto& pages = static_cast<const arrow::StringArray&>(*rows->GetColumnByName("page"));
  arrow::Int64Builder clicks, lasted;
  for (std::int64_t row = 0; row < rows->num_rows(); ++row) {
    const bool fails = pages.IsValid(row) && pages.GetView(row) == "oops";
    if (fails) state.Fail(row, "page 'oops' is not one of ours");
    Session session =
        state.GetValue<Session>(row).value_or(Session{.clicks = 0, .first_ms = times.Value(row)});
    ++session.clicks;
    EXPECT_TRUE(clicks.Append(session.clicks).ok());
    EXPECT_TRUE(lasted.Append(times.Value(row) - session.first_ms).ok());
    if (pages.IsNull(row)) {
      state.Delete(row);
    } else if (!fails) {
      state.PutValue(row, session);
    }
  }
  const auto columns =
      arrow::schema({rows->schema()->GetFieldByName("user"), arrow::field("clicks", arrow::int64()),
                     arrow::field("lasted", arrow::int64())});
  return arrow::RecordBatch::Make(columns, rows->num_rows(),
                                  {rows->GetColumnByName("user"), *clicks.Finish(), *lasted.Finish()});
}

struct Case {
  const char* name;
  std::int64_t batch_rows;
  TestRestart restart;
  int workers;
};

class MapStepTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override { ASSERT_TRUE(arrow::compute::Initialize().ok()); }

  std::unique_ptr<TestDriver> MakeDriver(std::int32_t partitions, const char* message_key) {
    App app({.name = "p", .dead_letter_topic = "dead"});
    Topic in = Topic("clicks")
                   .Json(schema({{"user", string()}, {"t", timestamp_ms()}, {"page", string()}}))
                   .EventTime("t");
    if (message_key != nullptr) in = in.Key(message_key);
    app.From(in)
        .Map(StateSpec("user")
                 .Ttl(100ms)
                 .Returns(schema({{"user", string()}, {"clicks", int64()}, {"lasted", int64()}}))
                 .Named("sessions"),
             Sessions)
        .To(Topic("out").Json());
    TestDriverOptions options;
    options.source_partitions = partitions;
    options.workers = GetParam().workers;
    options.batch_rows = GetParam().batch_rows;
    options.restart = GetParam().restart;
    auto driver = TestDriver::Make(*BuildPlan(app), options);
    EXPECT_TRUE(driver.ok()) << driver.status().ToString();
    return *std::move(driver);
  }

  static void Write(TestDriver& driver, std::int32_t partition, const std::string& value) {
    TestInputRecord record;
    record.topic = "clicks";
    record.partition = Partition(partition);
    record.value = value;
    ASSERT_TRUE(driver.Write(record).ok());
  }

  static std::vector<std::string> Values(TestDriver& driver, const std::string& topic) {
    std::vector<std::string> values;
    const auto records = driver.Read(topic);
    if (!records.ok()) return values;
    for (const TestOutputRecord& record : *records) values.push_back(record.value.value_or("null"));
    return values;
  }
};

TEST_P(MapStepTest, StateLivesUntilDeletedOrExpired) {
  const auto driver = MakeDriver(1, nullptr);
  for (const char* value :
       {R"({"user": "u", "t": 0, "page": "a"})", R"({"user": "v", "t": 50, "page": "a"})",
        R"({"user": "u", "t": 90, "page": "b"})", R"({"user": "v", "t": 60, "page": "oops"})",
        R"({"user": "u", "t": 95, "page": null})",     // ends it
        R"({"user": "u", "t": 96, "page": "c"})",      // a new one
        R"({"user": "v", "t": 149, "page": "d"})",     // 50 + 100 > 96
        R"({"user": "w", "t": 249, "page": "e"})",     // the watermark after it
        R"({"user": "u", "t": 250, "page": "f"})",     // 96 + 100 <= 249
        R"({"user": "v", "t": 251, "page": "g"})"}) {  // 149 + 100 <= 249
    Write(*driver, 0, value);
  }
  const Status ran = driver->RunUntilIdle();
  ASSERT_TRUE(ran.ok()) << ran.ToString();
  EXPECT_THAT(Values(*driver, "out"),
              ElementsAre(R"({"user":"u","clicks":1,"lasted":0})", R"({"user":"v","clicks":1,"lasted":0})",
                          R"({"user":"u","clicks":2,"lasted":90})", R"({"user":"u","clicks":3,"lasted":95})",
                          R"({"user":"u","clicks":1,"lasted":0})", R"({"user":"v","clicks":2,"lasted":99})",
                          R"({"user":"w","clicks":1,"lasted":0})", R"({"user":"u","clicks":1,"lasted":0})",
                          R"({"user":"v","clicks":1,"lasted":0})"));
  EXPECT_THAT(Values(*driver, "dead"), ElementsAre(R"({"user": "v", "t": 60, "page": "oops"})"));
}

TEST_P(MapStepTest, RowsMoveToTheStateOfTheirKey) {
  const auto driver = MakeDriver(2, nullptr);
  Write(*driver, 0, R"({"user": "u", "t": 0, "page": "a"})");
  ASSERT_TRUE(driver->RunUntilIdle().ok());
  Write(*driver, 1, R"({"user": "u", "t": 1, "page": "a"})");
  ASSERT_TRUE(driver->RunUntilIdle().ok());
  Write(*driver, 0, R"({"user": "u", "t": 2, "page": "a"})");
  ASSERT_TRUE(driver->RunUntilIdle().ok());
  EXPECT_THAT(Values(*driver, "out"),
              ElementsAre(R"({"user":"u","clicks":1,"lasted":0})", R"({"user":"u","clicks":2,"lasted":1})",
                          R"({"user":"u","clicks":3,"lasted":2})"));
  EXPECT_TRUE(driver->Read("p-sessions-repartition").ok());
}

INSTANTIATE_TEST_SUITE_P(Configs, MapStepTest,
                         ::testing::Values(Case{"as_is", 0, TestRestart::kNever, 1},
                                           Case{"one_row", 1, TestRestart::kNever, 1},
                                           Case{"restart", 2, TestRestart::kKill, 1},
                                           Case{"stop", 2, TestRestart::kStop, 1},
                                           Case{"two_workers", 0, TestRestart::kNever, 2}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace millrace
