// Windows with a trigger (W10) against a row-at-a-time map, however the rows are cut into batches.

#include <map>
#include <random>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "ops/ops_harness.h"
#include "ops/window_harness.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Aggregates = std::vector<std::pair<std::string, std::string>>;

/// A window of `size` ms that has a trigger.
WindowAggregateOptions Triggered(const std::string& when, bool before, std::int64_t size = 100) {
  WindowAggregateOptions options;
  options.size = Duration(size);
  options.trigger = WindowTrigger{*ParseExpr(when), before};
  return options;
}

// W10
TEST(WindowTrigger, AResultLeavesWithTheRowAndItsStateIsGone) {
  const Aggregates aggregates{{"n", "count()"}, {"s", "sum(v)"}};
  WindowRun run(Triggered("s >= 10", false), aggregates);
  run.Run({"k=a t=1 v=4 d=0", "k=b t=2 v=10 d=0", "k=a t=3 v=7 d=0"});
  EXPECT_THAT(run.output.Take(), ElementsAre("k=b window_start=0 window_end=100 n=1 s=10",
                                             "k=a window_start=0 window_end=100 n=2 s=11"));
  EXPECT_EQ(run.store->num_rows(), 0);
  EXPECT_EQ(run.output.absorbed, 3);
  const Batch& fired = run.output.batches.at(0);
  EXPECT_EQ(fired.event_time->Value(0), 99);
  EXPECT_EQ(fired.key->GetView(0), std::string("\1b"));
  EXPECT_EQ(fired.block, nullptr);
  run.Run({"k=a t=200 v=1 d=0"});
  EXPECT_THAT(run.output.Take(), IsEmpty()) << "a window that holds nothing gives nothing at its close";
}

// W10
TEST(WindowTrigger, BeforeAnUpdateTheRowBeginsAnew) {
  const Aggregates aggregates{{"n", "count()"}, {"s", "sum(v)"}};
  WindowRun run(Triggered("s >= 10", true), aggregates);
  run.Run({"k=a t=1 v=12 d=0"});
  EXPECT_THAT(run.output.Take(), IsEmpty()) << "nothing is asked before the first row, or when no row comes";
  run.Commit();
  run.Rollback(true);
  run.Run({"k=a t=2 v=3 d=0", "k=a t=3 v=8 d=0", "k=a t=4 v=1 d=0"});
  EXPECT_THAT(run.output.Take(), ElementsAre("k=a window_start=0 window_end=100 n=1 s=12",
                                             "k=a window_start=0 window_end=100 n=2 s=11"));
  run.Run({"k=a t=200 v=0 d=0"});
  EXPECT_THAT(run.output.Take(), ElementsAre("k=a window_start=0 window_end=100 n=1 s=1"));
}

// W10 R3
TEST(WindowTrigger, ARowOnWhichItFailsIsNotAdded) {
  const Aggregates aggregates{{"n", "count()"}, {"s", "sum(v)"}};
  WindowRun run(Triggered("12 / (s - 5) = 4", false), aggregates);
  run.Run({"k=a t=1 v=5 d=0", "k=a t=2 v=1 d=0", "k=a t=3 v=4 d=0", "k=a t=4 v=2 d=0", "k=a t=5 v=2 d=0"});
  EXPECT_THAT(run.output.Take(), IsEmpty());
  ASSERT_EQ(run.output.dead_letters.size(), 3U);
  EXPECT_THAT(run.output.dead_letters[0], HasSubstr("t=1 v=5 d=0.0 class=divide_by_zero: in the trigger"));
  EXPECT_THAT(run.output.dead_letters[1], HasSubstr("t=3"));
  EXPECT_THAT(run.output.dead_letters[2], HasSubstr("t=5"));
  EXPECT_EQ(run.output.absorbed, 2);
  run.Run({"k=a t=6 v=5 d=0"});
  EXPECT_THAT(run.output.Take(), ElementsAre("k=a window_start=0 window_end=100 n=3 s=8"));
  run.Run({"k=b t=7 v=5 d=0"});
  EXPECT_EQ(run.store->num_rows(), 0) << "a group without a row is not kept";
}

// W10
TEST(WindowTrigger, WhatItDoesNotReadIsOfTheSameRows) {
  const Aggregates aggregates{{"n", "count()"}, {"f", "first(v)"},   {"l", "last(v)"},
                              {"m", "mean(v)"}, {"c", "collect(v)"}, {"s", "sum(v)"}};
  const std::vector<std::string> rows{"k=a t=1 v=4 d=0", "k=b t=1 v=9223372036854775807 d=0",
                                      "k=b t=2 v=1 d=0", "k=a t=3 v=2 d=0",
                                      "k=b t=3 v=0 d=0", "k=a t=4 v=7 d=0",
                                      "k=a t=5 v=8 d=0", "k=a t=6 v=9 d=0"};
  for (const std::size_t most : {std::size_t{1}, rows.size()}) {
    WindowRun run(Triggered("n >= 2", false), aggregates);
    std::mt19937_64 random(1);
    for (std::size_t i = 0; i < rows.size(); i += most)
      run.Run({rows.begin() + static_cast<std::ptrdiff_t>(i),
               rows.begin() + static_cast<std::ptrdiff_t>(i + most)});
    EXPECT_THAT(
        run.output.Take(),
        ElementsAre("k=a window_start=0 window_end=100 n=2 f=4 l=2 m=3.0 c=[4, 2] s=6",
                    "k=b window_start=0 window_end=100 n=2 f=9223372036854775807 l=0 m=4611686018427387904.0 "
                    "c=[9223372036854775807, 0] s=9223372036854775807",
                    "k=a window_start=0 window_end=100 n=2 f=7 l=8 m=7.5 c=[7, 8] s=15"));
    ASSERT_EQ(run.output.dead_letters.size(), 1U);
    EXPECT_THAT(run.output.dead_letters[0],
                HasSubstr("class=overflow: sum(v) overflows int64 in window [0, 100)"));
  }
}

// W10 W8
TEST(WindowTrigger, AResultThatIsNoneIsADeadLetterAndTheOthersLeave) {
  constexpr std::int64_t kMostValues = 10'000;
  const Aggregates aggregates{{"n", "count()"}, {"c", "collect(v)"}};
  WindowRun run(Triggered("n > 10000 or k = 'b'", false), aggregates);
  std::vector<std::string> rows(kMostValues, "k=a t=1 v=4 d=0");
  run.Run(rows);
  EXPECT_THAT(run.output.Take(), IsEmpty());
  run.Run({"k=a t=2 v=4 d=0", "k=b t=3 v=5 d=0"});
  EXPECT_THAT(run.output.Take(), ElementsAre("k=b window_start=0 window_end=100 n=1 c=[5]"));
  ASSERT_EQ(run.output.dead_letters.size(), 1U);
  EXPECT_THAT(run.output.dead_letters[0],
              HasSubstr("collect(v) in window [0, 100) has more than 10000 values"));
  EXPECT_EQ(run.store->num_rows(), 0);
}

// W10
TEST(WindowTrigger, ItMayReadAListHoweverLargeTheBatch) {
  const Aggregates aggregates{{"n", "count()"}, {"c", "collect(v)"}};
  std::vector<std::string> rows;
  for (int i = 0; i < 700; ++i) rows.push_back("k=a t=1 v=" + std::to_string(i % 100) + " d=0");
  WindowRun run(Triggered("contains(c, 99) and n >= 50", false), aggregates);
  run.Run(rows);
  const std::vector<std::string> results = run.output.Take();
  ASSERT_EQ(results.size(), 7U);
  for (const std::string& result : results) {
    EXPECT_THAT(result, HasSubstr(" n=100 c=[0, 1, 2,"));
    EXPECT_THAT(result, HasSubstr(" 98, 99]"));
  }
  EXPECT_EQ(run.store->num_rows(), 0);
}

// W10
TEST(WindowTrigger, AddingOneToStoredWindowsIsNoOtherLayout) {
  const RowFeed feed("k: string; t: int64; v: int64; d: float64");
  WindowAggregateOptions options = Triggered("n >= 2", false);
  options.name = "w";
  options.by = {"k"};
  options.aggregates = BindAggregates({{"n", "count()"}}, feed.schema());
  const auto with = DescribeWindow(options, *feed.schema());
  options.trigger.reset();
  const auto without = DescribeWindow(options, *feed.schema());
  EXPECT_EQ(with->state_layout, without->state_layout);
}

// W10 K4
TEST(WindowTrigger, WhereEachWindowStandsForItselfItIsAnotherLayout) {
  const RowFeed feed("k: string; t: int64; v: int64; d: float64");
  const auto changes_layout = [&](WindowAggregateOptions options) {
    options.name = "w";
    options.by = {"k"};
    options.aggregates = BindAggregates({{"n", "count()"}}, feed.schema());
    const auto with = DescribeWindow(options, *feed.schema());
    options.trigger.reset();
    const auto without = DescribeWindow(options, *feed.schema());
    EXPECT_TRUE(with.ok() && without.ok());
    return with->state_layout != without->state_layout;
  };
  WindowAggregateOptions options = Triggered("n >= 2", false);
  options.closing = ClosingMode::kKey;
  EXPECT_TRUE(changes_layout(options));
  options.closing = ClosingMode::kPartition;
  options.kind = WindowKind::kHopping;
  options.step = Duration(100);
  EXPECT_FALSE(changes_layout(options)) << "as long as the window: nothing overlaps";
  options.step = Duration(99);
  EXPECT_TRUE(changes_layout(options));
  options.kind = WindowKind::kSession;
  EXPECT_FALSE(changes_layout(options));
  options.kind = WindowKind::kCount;
  options.count = options.count_step = 4;
  EXPECT_FALSE(changes_layout(options));
  options.count_step = 3;
  EXPECT_TRUE(changes_layout(options));
}

// W10 K4
TEST(WindowTrigger, MayComeAndGoWhereTheStateStaysAsItIs) {
  struct Case {
    WindowKind kind;
    const char *fired, *left;
  };
  const Case cases[] = {
      {WindowKind::kTumbling, "k=a window_start=0 window_end=100 n=2",
       "k=a window_start=0 window_end=100 n=2"},
      {WindowKind::kSession, "k=a window_start=1 window_end=102 n=2",
       "k=a window_start=1 window_end=104 n=2"},
      {WindowKind::kCount, "k=a window_start=1 window_end=3 n=2", "k=a window_start=3 window_end=5 n=2"},
  };
  for (const Case& tested : cases) {
    SCOPED_TRACE(tested.fired);
    WindowAggregateOptions options = Triggered("n >= 2", false);
    const auto trigger = std::exchange(options.trigger, std::nullopt);
    options.kind = tested.kind;
    options.count = options.count_step = 4;
    WindowRun run(options, {{"n", "count()"}});
    const auto go_on_with = [&run](const std::optional<WindowTrigger>& changed) {
      run.Commit();
      run.options.trigger = changed;
      run.Rollback(true);
    };
    run.Run({"k=a t=1 v=0 d=0"});
    go_on_with(trigger);
    run.Run({"k=a t=2 v=0 d=0"});
    EXPECT_THAT(run.output.Take(), ElementsAre(tested.fired));
    go_on_with(std::nullopt);  // over a window that holds nothing
    run.Run({"k=a t=3 v=0 d=0", "k=a t=4 v=0 d=0"});
    run.Process(run.feed.Make({}), kEndOfTime, run.output);
    EXPECT_THAT(run.output.Take(), ElementsAre(tested.left));
  }
}

// W10
TEST(WindowTrigger, SlidingWindowsHaveNone) {
  const RowFeed feed("k: string; t: int64; v: int64; d: float64");
  WindowAggregateOptions options = Triggered("n >= 2", false);
  options.by = {"k"};
  options.aggregates = BindAggregates({{"n", "count()"}}, feed.schema());
  EXPECT_TRUE(DescribeWindow(options, *feed.schema()).ok());
  options.kind = WindowKind::kSliding;
  EXPECT_FALSE(DescribeWindow(options, *feed.schema()).ok());
}

// W10
TEST(WindowTrigger, ManyRowsInManyWindowsAreAddedInParts) {
  constexpr int kRows = 500;
  const Aggregates aggregates{{"n", "count()"}};
  std::vector<std::string> rows(kRows, "k=a t=5000 v=1 d=0");
  WindowAggregateOptions options = Triggered("n = 500", false, 1000);
  options.kind = WindowKind::kHopping;
  options.step = Duration(1);
  WindowRun run(options, aggregates);
  run.Run(rows);
  EXPECT_EQ(run.output.Take().size(), 1000U) << "one for each window that holds 5000";
  EXPECT_EQ(run.store->num_rows(), 0);
  EXPECT_EQ(run.output.absorbed, kRows);
  options = Triggered("n = 500", false);
  options.kind = WindowKind::kCount;
  options.count = 1000;
  options.count_step = 1;
  WindowRun counted(options, aggregates);
  counted.Run(rows);
  EXPECT_THAT(counted.output.Take(), ElementsAre("k=a window_start=5000 window_end=5001 n=500"));
}

// W10 W8
TEST(WindowTrigger, WithoutAResultBothOfARowAreToldApart) {
  // Before the update it fires 10,001 values, which collect has no result for; behind it the window is full.
  constexpr std::int64_t kMostValues = 10'000;
  const Aggregates aggregates{{"n", "count()"}, {"c", "collect(v)"}};
  WindowAggregateOptions options = Triggered("n > 10000", true);
  options.kind = WindowKind::kCount;
  options.count = options.count_step = kMostValues + 2;
  WindowRun run(options, aggregates);
  run.Run(std::vector<std::string>(kMostValues + 1, "k=a t=1 v=4 d=0"));
  run.Run({"k=a t=2 v=5 d=0"});
  EXPECT_THAT(run.output.Take(), ElementsAre("k=a window_start=2 window_end=3 n=1 c=[5]"));
  ASSERT_EQ(run.output.dead_letters.size(), 1U);
  EXPECT_THAT(run.output.dead_letters[0], HasSubstr("collect(v) in a window of rows has more than 10000"));
}

/// What a trigger says of an aggregate; nullopt: it fails.
using Answer = std::optional<bool> (*)(std::int64_t n, std::int64_t s);

struct Shape {
  const char* when;
  Answer answer;
};

constexpr Shape kShapes[] = {
    {"n >= 3", [](std::int64_t n, std::int64_t) { return std::optional(n >= 3); }},
    {"true", [](std::int64_t, std::int64_t) { return std::optional(true); }},
    {"s % 7 = 0", [](std::int64_t, std::int64_t s) { return std::optional(s % 7 == 0); }},
    {"s > 2000", [](std::int64_t, std::int64_t s) { return std::optional(s > 2000); }},
    {"60 / (s % 5) = 30",
     [](std::int64_t, std::int64_t s) {
       return s % 5 == 0 ? std::nullopt : std::optional(60 / (s % 5) == 30);
     }},
};

constexpr std::int64_t kSize = 50;

/// Rows one by one through a map; one window begins every `step`.
class Oracle {
 public:
  Oracle(const Shape& shape, bool before, std::int64_t step) : shape_(shape), before_(before), step_(step) {}

  void Add(const TimedRow& row) {
    Close(watermark_);
    const std::int64_t last = row.time - ((row.time % step_) + step_) % step_;
    const std::int64_t before = watermark_;
    watermark_ = std::max(watermark_, row.time);
    if (last + kSize <= before) {
      texts_.late.push_back("late_by=" + std::to_string(before - (last + kSize)));
      return;
    }
    std::int64_t start = last;
    while (start - step_ + kSize > std::max(row.time, before)) start -= step_;
    for (; start <= last; start += step_) AddTo(start, row);
  }

  WindowTexts Take() {
    Close(std::numeric_limits<std::int64_t>::max());
    return texts_;
  }

 private:
  struct Held {
    std::int64_t n = 0, s = 0;
  };

  void AddTo(std::int64_t start, const TimedRow& row) {
    Held held;
    if (const auto found = held_.find({start, row.key}); found != held_.end()) held = found->second;
    if (before_ && held.n > 0) {
      const std::optional<bool> fires = shape_.answer(held.n, held.s);
      if (!fires) return;
      if (*fires) held = Release(start, row.key, held);
    }
    held = {held.n + 1, held.s + row.v};
    if (!before_) {
      const std::optional<bool> fires = shape_.answer(held.n, held.s);
      if (!fires) return;
      if (*fires) held = Release(start, row.key, held);
    }
    if (held.n > 0) held_[{start, row.key}] = held;
  }

  Held Release(std::int64_t start, const std::string& key, const Held& held) {
    texts_.results.push_back("k=" + key + " window_start=" + std::to_string(start) +
                             " window_end=" + std::to_string(start + kSize) + " n=" + std::to_string(held.n) +
                             " s=" + std::to_string(held.s));
    held_.erase({start, key});
    return {};
  }
  void Close(std::int64_t until) {
    while (!held_.empty() && held_.begin()->first.first <= until - kSize) {
      const auto [id, held] = *held_.begin();
      Release(id.first, id.second, held);
    }
  }

  const Shape& shape_;
  const bool before_;
  const std::int64_t step_;
  std::map<std::pair<std::int64_t, std::string>, Held> held_;
  std::int64_t watermark_ = std::numeric_limits<std::int64_t>::min() / 2;
  WindowTexts texts_;
};

class WindowTriggerOracleTest : public testing::TestWithParam<std::uint64_t> {};

// W10 T5 R4
TEST_P(WindowTriggerOracleTest, AnyCutIntoBatchesGivesWhatTheMapGives) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  std::mt19937_64 random(GetParam());
  const RandomTimes times{.most_step = 3, .late_one_in = 6, .most_late = 70};
  const std::vector<TimedRow> rows = RandomRows(times, 250, random);
  const Aggregates aggregates{{"n", "count()"}, {"s", "sum(v)"}};
  for (const Shape& shape : kShapes) {
    for (const bool before : {false, true}) {
      // Overlapping or not, each with half of the seeds.
      const std::int64_t step = before == (GetParam() % 2 == 0) ? kSize : kSize / 3;
      SCOPED_TRACE(std::string(shape.when) + (before ? " before" : " after") + " step " +
                   std::to_string(step));
      Oracle oracle(shape, before, step);
      for (const TimedRow& row : rows) oracle.Add(row);
      WindowAggregateOptions options = Triggered(shape.when, before, kSize);
      options.kind = WindowKind::kHopping;
      options.step = Duration(step);
      ExpectSameHoweverCut(options, aggregates, rows, oracle.Take(), random);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, WindowTriggerOracleTest, testing::Range<std::uint64_t>(1, 3));

}  // namespace
}  // namespace millrace
