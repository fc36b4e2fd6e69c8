// Windows that close by key: random rows, cut into batches at random, with commits, rollbacks and reopened
// stores, against windows computed one by one from the list of rows. Every failure prints its seed.

#include <map>
#include <random>
#include <set>

#include <arrow/compute/initialize.h>
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
constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();
constexpr RandomTimes kTimes{.most_step = 4, .late_one_in = 3, .most_late = 79, .jump_one_in = 60};

struct Shape {
  std::int64_t size, step, grace, offset, out_of_orderness;
};

/// The definition (W5), row at a time.
class Reference {
 public:
  explicit Reference(const Shape& shape) : shape_(shape) {}

  void Add(const TimedRow& row) {
    Close(watermark_, nullptr);
    std::int64_t& clock = clocks_.try_emplace(row.key, kLowest).first->second;
    const std::int64_t effective = std::max(watermark_, clock);
    std::int64_t last_end = row.time + shape_.size;
    while (!IsEnd(last_end)) --last_end;
    if (last_end + shape_.grace <= effective) {
      expected.late.push_back("late_by=" + std::to_string(effective - last_end - shape_.grace));
    } else {
      for (std::int64_t end = row.time + 1; end <= last_end; ++end) {
        if (IsEnd(end) && end + shape_.grace > effective) windows_[{end, row.key}].push_back(row);
      }
      clock = std::max(clock, row.time);
      Close(clock, &row.key);
    }
    watermark_ = std::max(watermark_, row.time - shape_.out_of_orderness);
  }
  void End() { Close(kHighest, nullptr); }

  WindowTexts expected;

 private:
  bool IsEnd(std::int64_t end) const { return (end - shape_.size - shape_.offset) % shape_.step == 0; }

  /// Emits the windows of one key, or of all, that are closed at `time`.
  void Close(std::int64_t time, const std::string* key) {
    for (auto window = windows_.begin(); window != windows_.end();) {
      const auto& [end, of] = window->first;
      if (end + shape_.grace > time || (key != nullptr && of != *key)) {
        ++window;
        continue;
      }
      std::int64_t sum = 0;
      const TimedRow* last = &window->second.front();
      for (const TimedRow& row : window->second) {
        sum += row.v;
        if (row.time >= last->time) last = &row;
      }
      expected.results.push_back("k=" + of + " window_start=" + std::to_string(end - shape_.size) +
                                 " window_end=" + std::to_string(end) +
                                 " n=" + std::to_string(window->second.size()) + " s=" + std::to_string(sum) +
                                 " last=" + std::to_string(last->v));
      window = windows_.erase(window);
    }
  }

  const Shape shape_;
  std::map<std::pair<std::int64_t, std::string>, std::vector<TimedRow>> windows_;  // by (end, key)
  std::map<std::string, std::int64_t> clocks_;
  std::int64_t watermark_ = kLowest;
};

WindowAggregateOptions OptionsOf(const Shape& shape) {
  WindowAggregateOptions options;
  options.kind = shape.size == shape.step ? WindowKind::kTumbling : WindowKind::kHopping;
  options.size = Duration(shape.size);
  options.step = Duration(shape.step);
  options.grace = Duration(shape.grace);
  options.offset = Duration(shape.offset);
  options.closing = ClosingMode::kKey;
  return options;
}

class WindowKeyClosingTest : public testing::TestWithParam<Shape> {};

// W5 T2b T5 R4
TEST_P(WindowKeyClosingTest, AnyCutIntoBatchesGivesWhatTheDefinitionGives) {
  const Shape& shape = GetParam();
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const std::vector<TimedRow> rows = RandomRows(kTimes, 600, random);
    Reference reference(shape);
    for (const TimedRow& row : rows) reference.Add(row);
    reference.End();
    EXPECT_GT(reference.expected.late.size(), 5U);
    ExpectSameHoweverCut(OptionsOf(shape), {{"n", "count()"}, {"s", "sum(v)"}, {"last", "last(v)"}}, rows,
                         reference.expected, random, shape.out_of_orderness);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, WindowKeyClosingTest,
                         testing::Values(Shape{20, 20, 0, 0, 50}, Shape{20, 20, 0, 3, 0},
                                         Shape{30, 30, 10, -7, 40}, Shape{7, 7, 25, 0, 100},
                                         Shape{40, 10, 0, 0, 60}, Shape{40, 10, 15, 3, 30},
                                         Shape{10, 3, 4, 0, 80}, Shape{25, 10, 5, -7, 0},
                                         Shape{50, 1, 2, 0, 45}),
                         [](const auto& shape) {
                           const Shape& s = shape.param;
                           return std::to_string(s.size) + "Every" + std::to_string(s.step) + "Grace" +
                                  std::to_string(s.grace) + "Behind" + std::to_string(s.out_of_orderness);
                         });

// W5 W9
TEST(KeyClosingWindow, StateGoesWithTheWindowAndTheClockWithTheWatermark) {
  WindowRun run(OptionsOf({10, 10, 0, 0, 100}), {{"n", "count()"}});
  run.feed.set_out_of_orderness(100);
  run.Run({"k=a t=1", "k=b t=2", "k=a t=11"});
  EXPECT_THAT(run.output.Take(), ElementsAre("k=a window_start=0 window_end=10 n=1"));
  EXPECT_EQ(run.store->num_rows(), 4) << "the window and the clock of a and b";
  run.Run({"k=b t=111"});
  EXPECT_THAT(run.output.Take(), ElementsAre("k=b window_start=0 window_end=10 n=1"));
  EXPECT_EQ(run.store->num_rows(), 4);
  run.Run({"k=b t=125"});
  EXPECT_THAT(run.output.Take(), ElementsAre("k=b window_start=110 window_end=120 n=1",
                                             "k=a window_start=10 window_end=20 n=1"));
  EXPECT_EQ(run.store->num_rows(), 2) << "the watermark 25 is past the clock of a";
  EXPECT_THAT(run.output.late, IsEmpty());
}

// W5
TEST(KeyClosingWindow, AKeyAllOfWhoseRowsAreLateLeavesNothing) {
  WindowRun run(OptionsOf({10, 10, 0, 0, 0}), {{"n", "count()"}});
  run.Run({"k=a t=50"});
  run.Run({"k=b t=3", "k=b t=4", "k=c t=55"});
  EXPECT_EQ(run.output.late.size(), 2U);
  EXPECT_EQ(run.store->num_rows(), 4) << "a and c";
}

// W5 R3
TEST(KeyClosingWindow, ARowThatFailsMovesNoClock) {
  ASSERT_TRUE(arrow::compute::Initialize().ok());
  WindowRun run(OptionsOf({10, 10, 0, 0, 100}), {{"s", "sum(10 / v)"}});
  run.feed.set_out_of_orderness(100);
  run.Run({"k=a t=1 v=5", "k=a t=30 v=0", "k=a t=2 v=5"});
  EXPECT_THAT(run.output.Take(), IsEmpty());
  EXPECT_EQ(run.output.dead_letters.size(), 1U);
  run.Run({"k=a t=10 v=1"});
  EXPECT_THAT(run.output.Take(), ElementsAre("k=a window_start=0 window_end=10 s=4"));
}

// W3 W5
TEST(KeyClosingWindow, CurrentShowsWhatAKeyHasOpenAndThenItsClose) {
  WindowAggregateOptions options = OptionsOf({20, 10, 0, 0, 100});
  options.emit = EmitMode::kCurrent;
  WindowRun run(options, {{"n", "count()"}});
  run.feed.set_out_of_orderness(100);
  run.Run({"k=a t=1", "k=b t=5"});
  EXPECT_THAT(run.output.Take(), ElementsAre("k=a window_start=-10 window_end=10 n=1 final=false",
                                             "k=b window_start=-10 window_end=10 n=1 final=false",
                                             "k=a window_start=0 window_end=20 n=1 final=false",
                                             "k=b window_start=0 window_end=20 n=1 final=false"));
  run.Run({"k=a t=12"});
  EXPECT_THAT(run.output.Take(), ElementsAre("k=a window_start=0 window_end=20 n=2 final=false",
                                             "k=a window_start=10 window_end=30 n=1 final=false",
                                             "k=a window_start=-10 window_end=10 n=1 final=true"));
  run.Run({"k=a t=3", "k=b t=6"});
  EXPECT_THAT(run.output.Take(), ElementsAre("k=b window_start=-10 window_end=10 n=2 final=false",
                                             "k=a window_start=0 window_end=20 n=3 final=false",
                                             "k=b window_start=0 window_end=20 n=2 final=false"));
}

// W5
TEST(KeyClosingWindow, OtherKindsOfWindowsAreRefused) {
  const RowFeed feed("k: string; t: int64");
  for (const WindowKind kind : {WindowKind::kSliding, WindowKind::kCount}) {
    WindowAggregateOptions options = OptionsOf({10, 10, 0, 0, 0});
    options.kind = kind;
    options.count = options.count_step = 3;
    const auto description = DescribeWindow(options, *feed.schema());
    ASSERT_FALSE(description.ok());
    EXPECT_THAT(description.status().message(),
                HasSubstr("only tumbling, hopping and session windows can close by key"));
  }
}

}  // namespace
}  // namespace millrace
