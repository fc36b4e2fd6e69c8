// Aggregates of one's own in pipelines: beside built-in ones that compute the same, in every kind of window,
// however rows are cut into batches and whatever restarts.

#include <map>
#include <stdexcept>

#include <arrow/compute/initialize.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/build_plan.h"
#include "engine/test_driver.h"
#include "millrace/millrace.h"
#include "millrace/test_driver.h"
#include "ops/user_aggregate_harness.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// sum() of integers.
struct Total {
  static constexpr const char* kName = "total";
  using Argument = std::int64_t;
  struct State {
    std::int64_t sum = 0;
    bool any = false;
  };
  static void Update(State& state, std::span<const std::int64_t> values) {
    state.any = true;
    for (const std::int64_t value : values) state.sum += value;
  }
  static void Merge(State& into, const State& from) {
    into.sum += from.sum;
    into.any = into.any || from.any;
  }
  static std::optional<std::int64_t> Result(const State& state) {
    return state.any ? std::optional(state.sum) : std::nullopt;
  }
};

/// count_distinct() of texts.
struct Variety : TextSet {
  static constexpr const char* kName = "variety";
  static std::int64_t Result(const State& state) { return static_cast<std::int64_t>(state.words.size()); }
};

/// max(), by a scale that the object has.
struct Greatest {
  static constexpr const char* kName = "greatest";
  using Argument = double;
  struct State {
    std::optional<double> value;
  };
  double scale = 1;

  void Update(State& state, std::span<const double> values) const {
    for (const double value : values)
      state.value = state.value ? std::max(*state.value, scale * value) : scale * value;
  }
  static void Merge(State& into, const State& from) {
    if (from.value && (!into.value || *into.value < *from.value)) into.value = from.value;
  }
  static std::optional<double> Result(const State& state) { return state.value; }
};

/// Throws on 13.
struct Unlucky : Total {
  static constexpr const char* kName = "unlucky";
  static void Update(State& state, std::span<const std::int64_t> values) {
    for (const std::int64_t value : values) {
      if (value == 13) throw std::out_of_range("13 is out of range");
    }
    Total::Update(state, values);
  }
};

Topic Input() {
  return Topic("in")
      .Json(schema({{"k", string()}, {"t", timestamp_ms()}, {"v", int64()}, {"w", string()}}))
      .EventTime("t");
}

std::vector<Aggregation> Pairs() {
  return {sum("v", "sum"),
          custom(Total(), "v", "my_sum"),
          count_distinct("w", "words"),
          custom(Variety(), "w", "my_words"),
          max(2.0 * col("v"), "max"),
          custom(Greatest{2}, "v", "my_max"),
          sum("v", "some").Where(col("w") == "a"),
          custom(Total(), "v", "my_some").Where(col("w") == "a")};
}

struct Kind {
  const char* name;
  std::function<DataFrame(DataFrame)> step;
};

const Kind kKinds[] = {
    {"tumbling", [](const DataFrame& in) { return in.Window(Tumbling(100ms).By("k")).Aggregate(Pairs()); }},
    {"current",
     [](const DataFrame& in) { return in.Window(Tumbling(100ms).By("k").EmitCurrent()).Aggregate(Pairs()); }},
    {"trigger",
     [](const DataFrame& in) {
       return in.Window(Tumbling(1s).By("k").TriggerAfterUpdate(col("my_sum") > 20)).Aggregate(Pairs());
     }},
    {"by_key",
     [](const DataFrame& in) { return in.Window(Tumbling(100ms).By("k").CloseByKey()).Aggregate(Pairs()); }},
    {"hopping",
     [](const DataFrame& in) { return in.Window(Hopping(100ms, 30ms).By("k")).Aggregate(Pairs()); }},
    {"sliding", [](const DataFrame& in) { return in.Window(Sliding(50ms).By("k")).Aggregate(Pairs()); }},
    {"session",
     [](const DataFrame& in) { return in.Window(Session(40ms).Grace(80ms).By("k")).Aggregate(Pairs()); }},
    {"count", [](const DataFrame& in) { return in.Window(CountHopping(6, 2).By("k")).Aggregate(Pairs()); }},
    {"running", [](const DataFrame& in) { return in.Running("k", Pairs()); }},
};

struct Run {
  const char* name;
  std::int64_t batch_rows;
  TestRestart restart;
  int workers = 1;
};

constexpr Run kRuns[] = {{"as_is", 0, TestRestart::kNever},
                         {"one_row", 1, TestRestart::kNever},
                         {"restart", 8, TestRestart::kKill},
                         {"stop", 8, TestRestart::kStop},
                         {"two_workers", 0, TestRestart::kNever, 2}};

class CustomAggregates : public testing::TestWithParam<std::tuple<Kind, Run>> {
 protected:
  void SetUp() override { ASSERT_TRUE(arrow::compute::Initialize().ok()); }
};

/// The value of a column in a row of JSON.
std::string ValueOf(const std::string& row, const std::string& column) {
  const std::string name = "\"" + column + "\":";
  const std::size_t at = row.find(name);
  if (at == std::string::npos) return "no " + column;
  const std::size_t begin = at + name.size();
  return row.substr(begin, row.find_first_of(",}", begin) - begin);
}

TEST_P(CustomAggregates, GiveWhatBuiltInOnesGive) {
  const auto& [kind, run] = GetParam();
  App app({.name = "p"});
  kind.step(app.From(Input())).To(Topic("out").Json());
  TestDriverOptions options;
  options.source_partitions = 2;
  options.workers = run.workers;
  options.batch_rows = run.batch_rows;
  options.restart = run.restart;
  auto driver = TestDriver::Make(*BuildPlan(app), options);
  ASSERT_TRUE(driver.ok()) << driver.status().ToString();
  // Out of order by up to 60 ms, with nulls, in three spans.
  for (int i = 0; i < 120; ++i) {
    const int time = 7 * i + (i % 5 == 0 ? -60 : 0) + 60;
    const std::string v = i % 11 == 3 ? "null" : std::to_string(i * 37 % 23 - 5);
    const std::string w = i % 13 == 5 ? "null" : std::string("\"") + static_cast<char>('a' + i % 3) + "\"";
    TestInputRecord record;
    record.topic = "in";
    record.partition = Partition(i % 2);
    record.value = R"({"k": "k)" + std::to_string(i * 7 % 4) + R"(", "t": )" + std::to_string(time) +
                   R"(, "v": )" + v + R"(, "w": )" + w + "}";
    ASSERT_TRUE((*driver)->Write(record).ok());
    if (i % 40 != 39) continue;
    const Status ran = (*driver)->RunUntilIdle();
    ASSERT_TRUE(ran.ok()) << ran.ToString();
  }
  (*driver)->AdvanceClock(Duration(60'000));
  ASSERT_TRUE((*driver)->RunUntilIdle().ok());
  const auto records = (*driver)->Read("out");
  ASSERT_TRUE(records.ok()) << records.status().ToString();
  EXPECT_GT(records->size(), 10U);
  for (const TestOutputRecord& record : *records) {
    const std::string& row = *record.value;
    for (const char* built_in : {"sum", "words", "max", "some"})
      EXPECT_EQ(ValueOf(row, std::string("my_") + built_in), ValueOf(row, built_in)) << row;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, CustomAggregates,
                         testing::Combine(testing::ValuesIn(kKinds), testing::ValuesIn(kRuns)),
                         [](const auto& tested) {
                           return std::string(std::get<0>(tested.param).name) + "_" +
                                  std::get<1>(tested.param).name;
                         });

TEST(CustomAggregate, IsPrintedAndReportedByItsName) {
  App app({.name = "p"});
  app.From(Input()).Running("k", {custom(Total(), "v", "all")}).To(Topic("out").Json());
  const auto plan = AnalyzePlan(*BuildPlan(app));
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_THAT(PlanToText(*plan), HasSubstr("all = total(v)"));
  EXPECT_THAT(PlanToJson(*plan), HasSubstr("total(v)"));
}

TEST(CustomAggregate, OverAColumnThatItDoesNotTakeIsAMistakeOfThePipeline) {
  App app({.name = "p"});
  app.From(Input()).Window(Tumbling(1s).By("k")).Aggregate({custom(Total(), "w", "all")}).To(Topic("out"));
  const auto test = AppTest::Make(app);
  ASSERT_FALSE(test.ok());
  EXPECT_THAT(test.message(), HasSubstr("user_aggregate_test.cc:"));
  EXPECT_THAT(test.message(), HasSubstr("'all': total() takes an integer that fits into int64, not string"));
}

TEST(CustomAggregate, ThatThrowsStopsThePipelineAndCommitsNothing) {
  for (const bool current : {false, true}) {
    const WindowSpec window = current ? Tumbling(1s).By("k").EmitCurrent() : Tumbling(1s).By("k");
    App app({.name = "p", .dead_letter_topic = "dead"});
    app.From(Input()).Window(window).Aggregate({custom(Unlucky(), "v", "all")}).To(Topic("out").Json());
    auto test = AppTest::Make(app);
    ASSERT_TRUE(test.ok()) << test.message();
    ASSERT_TRUE(test->Feed("in", R"({"k": "a", "t": 1, "v": 12})").ok());
    const std::size_t before = test->Records("out")->size();
    const AppTestStatus fed = test->Feed("in", R"({"k": "a", "t": 2, "v": 13})");
    EXPECT_THAT(fed.message(), HasSubstr("the aggregate 'unlucky' threw in Update: 13 is out of range"));
    EXPECT_EQ(test->Records("out")->size(), before);
  }
}

}  // namespace
}  // namespace millrace
