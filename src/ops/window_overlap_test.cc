// Hopping and sliding windows: random rows, cut into batches at random, with commits, rollbacks and reopened
// stores, against windows computed one by one from the list of rows. Every failure prints its seed.

#include <map>
#include <random>
#include <set>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ops/ops_harness.h"
#include "ops/window_aggregate.h"
#include "ops/window_harness.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
constexpr RandomTimes kTimes{.most_step = 4, .late_one_in = 4, .most_late = 79, .jump_one_in = 60};

struct Shape {
  WindowKind kind;
  std::int64_t size, step, grace, offset;
};

/// Whether `end` is the end of a window of this shape.
bool IsEnd(const Shape& shape, std::int64_t end) {
  const std::int64_t start = end - shape.size - shape.offset;
  return start % shape.step == 0;
}

WindowTexts Oracle(const Shape& shape, const std::vector<TimedRow>& rows) {
  struct Kept {
    TimedRow row;
    std::int64_t before;
  };
  WindowTexts expected;
  std::map<std::string, std::vector<Kept>> kept;
  std::set<std::pair<std::int64_t, std::string>> windows;  // (end, key)
  std::int64_t watermark = kLowest;
  for (const TimedRow& row : rows) {
    const std::int64_t before = watermark;
    watermark = std::max(watermark, row.time);
    const auto open = [&](std::int64_t end) { return before == kLowest || end + shape.grace > before; };
    std::int64_t last_end = row.time + shape.size;
    while (!IsEnd(shape, last_end)) --last_end;
    if (!open(last_end)) {
      expected.late.push_back("late_by=" + std::to_string(before - last_end - shape.grace));
      continue;
    }
    kept[row.key].push_back({row, before});
    for (std::int64_t end = row.time + 1; end <= last_end; ++end) {
      const bool own = shape.kind == WindowKind::kHopping || end == row.time + 1;
      if (own && IsEnd(shape, end) && open(end)) windows.emplace(end, row.key);
    }
  }
  for (const auto& [end, key] : windows) {
    std::int64_t n = 0, sum = 0;
    std::optional<std::int64_t> last;
    std::int64_t last_time = 0;
    for (const Kept& k : kept[key]) {
      const bool open = k.before == kLowest || end + shape.grace > k.before;
      if (!open || k.row.time < end - shape.size || k.row.time >= end) continue;
      ++n;
      sum += k.row.v;
      if (!last || k.row.time >= last_time) {
        last = k.row.v;
        last_time = k.row.time;
      }
    }
    expected.results.push_back("k=" + key + " window_start=" + std::to_string(end - shape.size) +
                               " window_end=" + std::to_string(end) + " n=" + std::to_string(n) +
                               " s=" + std::to_string(sum) + " last=" + std::to_string(*last));
  }
  return expected;
}

WindowAggregateOptions OptionsOf(const Shape& shape) {
  WindowAggregateOptions options;
  options.kind = shape.kind;
  options.size = Duration(shape.size);
  options.step = Duration(shape.step);
  options.grace = Duration(shape.grace);
  options.offset = Duration(shape.offset);
  return options;
}

class WindowOverlapTest : public testing::TestWithParam<Shape> {};

// T5 R4 W1 W2 W3 W4
TEST_P(WindowOverlapTest, AnyCutIntoBatchesGivesWhatTheListOfRowsGives) {
  const Shape& shape = GetParam();
  for (const std::uint64_t seed : {1, 2, 3}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const std::vector<TimedRow> rows = RandomRows(kTimes, 600, random);
    const WindowTexts expected = Oracle(shape, rows);
    EXPECT_GT(expected.late.size(), 5U);
    ExpectSameHoweverCut(OptionsOf(shape), {{"n", "count()"}, {"s", "sum(v)"}, {"last", "last(v)"}}, rows,
                         expected, random);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, WindowOverlapTest,
    testing::Values(Shape{WindowKind::kHopping, 40, 10, 0, 0}, Shape{WindowKind::kHopping, 40, 10, 15, 3},
                    Shape{WindowKind::kHopping, 10, 3, 4, 0}, Shape{WindowKind::kHopping, 25, 10, 5, -7},
                    Shape{WindowKind::kHopping, 30, 30, 0, 4}, Shape{WindowKind::kHopping, 50, 1, 2, 0},
                    Shape{WindowKind::kSliding, 20, 1, 0, 0}, Shape{WindowKind::kSliding, 7, 1, 11, 0},
                    Shape{WindowKind::kSliding, 1, 1, 0, 0}),
    [](const auto& shape) {
      const Shape& s = shape.param;
      return std::string(s.kind == WindowKind::kHopping ? "Hopping" : "Sliding") + std::to_string(s.size) +
             "Every" + std::to_string(s.step) + "Grace" + std::to_string(s.grace);
    });

// W8
TEST(HoppingWindow, SumThatLeavesInt64OnlyWhenPanesAreMergedIsADeadLetterOfItsWindow) {
  WindowRun run(OptionsOf({WindowKind::kHopping, 20, 10, 0, 0}), {{"s", "sum(v)"}, {"n", "count()"}});
  run.Run({"k=a t=1 v=9223372036854775807", "k=a t=11 v=1", "k=a t=21 v=-5"});
  run.Run({"k=a t=100 v=0"});
  EXPECT_THAT(run.output.Take(), ElementsAre("k=a window_start=-10 window_end=10 s=9223372036854775807 n=1",
                                             "k=a window_start=10 window_end=30 s=-4 n=2",
                                             "k=a window_start=20 window_end=40 s=-5 n=1"));
  ASSERT_EQ(run.output.dead_letters.size(), 1U);
  EXPECT_THAT(run.output.dead_letters[0],
              HasSubstr("class=overflow: in window [0, 20) sum(v) overflows int64"));
}

// W8: on the way, the sum of the panes of a block is beyond int64, the window's is not.
TEST(HoppingWindow, SumThatFitsIsRightWhateverThePanesAddUpToOnTheWay) {
  WindowRun run(OptionsOf({WindowKind::kHopping, 30, 10, 0, 0}), {{"s", "sum(v)"}});
  run.Run({"k=a t=1 v=5", "k=a t=11 v=9223372036854775807", "k=a t=21 v=9223372036854775807",
           "k=a t=31 v=-9223372036854775807", "k=a t=100 v=0"});
  EXPECT_THAT(run.output.Take(),
              testing::Contains("k=a window_start=10 window_end=40 s=9223372036854775807"));
}

// W3
TEST(HoppingWindow, CurrentShowsEveryOpenWindowOfAChangedKey) {
  WindowAggregateOptions options = OptionsOf({WindowKind::kHopping, 20, 10, 0, 0});
  options.emit = EmitMode::kCurrent;
  WindowRun run(options, {{"n", "count()"}});
  run.Run({"k=a t=1", "k=b t=5", "k=a t=6"});
  EXPECT_THAT(run.output.Take(), ElementsAre("k=a window_start=-10 window_end=10 n=2 final=false",
                                             "k=b window_start=-10 window_end=10 n=1 final=false",
                                             "k=a window_start=0 window_end=20 n=2 final=false",
                                             "k=b window_start=0 window_end=20 n=1 final=false"));
  run.Run({"k=a t=12"});
  EXPECT_THAT(run.output.Take(), ElementsAre("k=a window_start=0 window_end=20 n=3 final=false",
                                             "k=a window_start=10 window_end=30 n=1 final=false",
                                             "k=a window_start=-10 window_end=10 n=2 final=true",
                                             "k=b window_start=-10 window_end=10 n=1 final=true"));
  run.Run({"k=b t=3"});  // its first window is closed, its second is not
  EXPECT_THAT(run.output.Take(), ElementsAre("k=b window_start=0 window_end=20 n=2 final=false"));
  EXPECT_THAT(run.output.late, IsEmpty());
}

// W3 W8
TEST(HoppingWindow, CurrentLeavesOutTheWindowsOfARefusedRow) {
  WindowAggregateOptions options = OptionsOf({WindowKind::kHopping, 20, 10, 0, 0});
  options.emit = EmitMode::kCurrent;
  WindowRun run(options, {{"s", "sum(v)"}});
  run.Run({"k=a t=1 v=9223372036854775807", "k=b t=1 v=1"});
  run.output.Take();
  run.Run({"k=a t=2 v=1", "k=b t=2 v=1"});
  EXPECT_THAT(run.output.Take(), ElementsAre("k=b window_start=-10 window_end=10 s=2 final=false",
                                             "k=b window_start=0 window_end=20 s=2 final=false"));
  EXPECT_EQ(run.output.dead_letters.size(), 1U);
}

}  // namespace
}  // namespace millrace
