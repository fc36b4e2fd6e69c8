#include "ops/window_assigner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

// W1
TEST(WindowAssigner, WindowsAreAlignedToTheEpochPlusOffset) {
  struct Case {
    std::int64_t size, offset, time, start;
  };
  for (const Case& c : std::vector<Case>{{10, 0, 0, 0},
                                         {10, 0, 9, 0},
                                         {10, 0, 10, 10},
                                         {10, 0, -1, -10},
                                         {10, 0, -10, -10},
                                         {10, 0, -11, -20},
                                         {10, 3, 2, -7},
                                         {10, 3, 3, 3},
                                         {10, -7, 3, 3},
                                         {10, 23, 12, 3},
                                         {1, 0, -5, -5},
                                         {10, 0, kMax - 10, (kMax - 10) / 10 * 10},
                                         {10, 0, kMin + 9, (kMin + 9) / 10 * 10 - 10}}) {
    const WindowAssigner assigner({Duration(c.size), Duration(c.size), Duration(0), Duration(c.offset)});
    ASSERT_TRUE(assigner.HasWindow(c.time)) << c.time;
    EXPECT_EQ(assigner.PaneOf(c.time), c.start)
        << "size " << c.size << " offset " << c.offset << " time " << c.time;
    EXPECT_EQ(assigner.EndOf(c.start), c.start + c.size);
  }
}

// W1
TEST(WindowAssigner, TimesWhoseWindowIsBeyondInt64HaveNone) {
  const WindowAssigner assigner({Duration(10), Duration(10), Duration(5), Duration(0)});
  EXPECT_FALSE(assigner.HasWindow(kMax));
  EXPECT_FALSE(assigner.HasWindow(kMin));
  std::vector<std::int64_t> starts(4);
  WindowAssigner::Exceptions exceptions;
  assigner.Assign(std::vector<std::int64_t>{kMin, 5, kMax, -5}, std::vector<std::int64_t>{kMin}, starts,
                  &exceptions);
  EXPECT_THAT(exceptions.no_window, ElementsAre(0, 2));
  EXPECT_THAT(exceptions.late, IsEmpty());
  EXPECT_EQ(starts[1], 0);
  EXPECT_EQ(starts[3], -10);
}

// W2 T2b
TEST(WindowAssigner, RowIsLateWhenTheWatermarkBeforeItReachedEndPlusGrace) {
  const WindowAssigner assigner({Duration(10), Duration(10), Duration(5), Duration(0)});
  const std::vector<std::int64_t> times{9, 9, 9, 12};
  std::vector<std::int64_t> starts(4);
  WindowAssigner::Exceptions exceptions;
  assigner.Assign(times, std::vector<std::int64_t>{14, 15, 100, 24}, starts, &exceptions);
  EXPECT_THAT(exceptions.late, ElementsAre(1, 2));
  exceptions = {};
  assigner.Assign(times, std::vector<std::int64_t>{15}, starts, &exceptions);
  EXPECT_THAT(exceptions.late, ElementsAre(0, 1, 2));
  EXPECT_EQ(assigner.ClosesAt(0), 15);
}

}  // namespace
}  // namespace millrace
