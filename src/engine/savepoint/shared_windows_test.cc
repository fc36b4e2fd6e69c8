#include "engine/savepoint/shared_windows.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

PlanNode Window(WindowShape shape, Duration size, Duration step) {
  WindowStep window;
  window.shape = shape;
  window.size = size;
  window.step = step;
  window.grace = Duration(300);
  window.offset = Duration(20);
  PlanNode node;
  node.op = window;
  return node;
}

TEST(SharedWindows, AreThoseThatOverlap) {
  EXPECT_EQ(SharedWindowsOf(Window(WindowShape::kHopping, Duration(2'500), Duration(1'000))),
            (SharedWindows{1'000, 820}));
  EXPECT_EQ(SharedWindowsOf(Window(WindowShape::kHopping, Duration(1'000), Duration(1'000))),
            SharedWindows{});
  EXPECT_EQ(SharedWindowsOf(Window(WindowShape::kTumbling, Duration(1'000), Duration(0))), SharedWindows{});
  EXPECT_EQ(SharedWindowsOf(Window(WindowShape::kSession, Duration(1'000), Duration(0))), SharedWindows{});
  EXPECT_EQ(SharedWindowsOf(Window(WindowShape::kSliding, Duration(1'000), Duration(0))).every_ms, 1);
  PlanNode triggered = Window(WindowShape::kHopping, Duration(2'500), Duration(1'000));
  std::get<WindowStep>(triggered.op).trigger = WindowTriggerSpec{};
  EXPECT_EQ(SharedWindowsOf(triggered), SharedWindows{}) << "each has rows of its own";
  PlanNode other;
  other.op = DeduplicateStep{};
  EXPECT_EQ(SharedWindowsOf(other), SharedWindows{});
}

struct Case {
  const char* what;
  SharedWindows windows;
  std::vector<std::int64_t> watermarks;
  bool can_move;
};

TEST(SharedWindows, MoveWhenAllPartitionsHaveClosedTheSame) {
  const Case cases[] = {
      {"the same watermark", {1'000, 820}, {5'000, 5'000}, true},
      {"nothing closes between them", {1'000, 820}, {5'820, 6'819}, true},
      {"one closes at the higher", {1'000, 820}, {5'820, 6'820}, false},
      {"before the epoch", {1'000, 820}, {-1'180, -181}, true},
      {"before the epoch, one closes", {1'000, 820}, {-1'181, -1'180}, false},
      {"around the epoch", {1'000, 0}, {-1, 0}, false},
      {"a partition that never had a row", {1'000, 820}, {5'000, kNoWatermark.value()}, true},
      {"a row a millisecond", {1, 0}, {5, 6}, false},
      {"windows that share nothing", {0, 0}, {5, 6'000}, true},
  };
  for (const Case& test : cases) {
    SavepointStage stage;
    SavepointInput& input = stage.inputs.emplace_back();
    for (const std::int64_t watermark : test.watermarks)
      input.partitions.push_back({Offset(1), std::to_string(watermark) + ";0"});
    input.partitions.push_back({});
    SavepointStep step;
    step.windows = test.windows;
    step.rows.rows = 1;
    const Status status = CheckSharedWindows(stage, step);
    EXPECT_EQ(status.ok(), test.can_move) << test.what << ": " << status.message();
    step.rows.rows = 0;
    EXPECT_TRUE(CheckSharedWindows(stage, step).ok());
  }
}

}  // namespace
}  // namespace millrace
