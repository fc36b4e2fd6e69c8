#include "runtime/watermark_tracker.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

Batch Rows(const std::vector<std::int64_t>& times) {
  arrow::Int64Builder builder;
  EXPECT_TRUE(builder.AppendValues(times).ok());
  Batch batch;
  batch.event_time = std::static_pointer_cast<arrow::Int64Array>(builder.Finish().ValueOrDie());
  batch.data = arrow::RecordBatch::Make(arrow::schema({}), static_cast<std::int64_t>(times.size()),
                                        arrow::ArrayVector{});
  return batch;
}

std::vector<std::int64_t> Before(const Batch& batch) {
  return {batch.watermark_before->raw_values(), batch.watermark_before->raw_values() + batch.num_rows()};
}

constexpr std::int64_t kNone = kNoWatermark.value();
constexpr EventTime kNow{1'000'000};
constexpr Duration kStart{5'000};

/// Two clocks that tests set apart.
class TwoClocks final : public Clock {
 public:
  TwoClocks(Duration later, Duration wall_later) : later_(later), wall_later_(wall_later) {}
  EventTime Now() const override { return EventTime(kNow.value() + wall_later_.count()); }
  std::chrono::nanoseconds Steady() const override { return kStart + later_; }

 private:
  const Duration later_;
  const Duration wall_later_;
};

/// So long after kStart and kNow.
TwoClocks After(std::int64_t ms) { return {Duration(ms), Duration(ms)}; }

TEST(WatermarkTracker, EachRowIsJudgedByTheRowsBeforeIt) {
  WatermarkTracker tracker({0}, {});
  Batch batch = Rows({10, 5, 20, 15});
  ASSERT_TRUE(tracker.Observe(0, kStart, &batch).ok());
  EXPECT_EQ(Before(batch), (std::vector<std::int64_t>{kNone, 10, 10, 20}));
  EXPECT_EQ(tracker.watermark(), Watermark(20));
  Batch next = Rows({1});
  ASSERT_TRUE(tracker.Observe(0, kStart, &next).ok());
  EXPECT_EQ(Before(next), (std::vector<std::int64_t>{20}));
}

TEST(WatermarkTracker, TombstonesMoveTheClockOnlyWhereTheyHaveATime) {
  arrow::BooleanBuilder flags;
  EXPECT_TRUE(flags.AppendValues(std::vector<bool>{false, true, false}).ok());
  Batch batch = Rows({10, 500, 20});
  batch.tombstone = std::static_pointer_cast<arrow::BooleanArray>(flags.Finish().ValueOrDie());
  WatermarkTracker by_column({0}, {});
  ASSERT_TRUE(by_column.Observe(0, kStart, &batch, WatermarkTracker::Tombstones::kHaveNone).ok());
  EXPECT_EQ(Before(batch), (std::vector<std::int64_t>{kNone, 10, 10}));
  EXPECT_EQ(by_column.watermark(), Watermark(20));
  WatermarkTracker by_record({0}, {});
  ASSERT_TRUE(by_record.Observe(0, kStart, &batch, WatermarkTracker::Tombstones::kHaveTime).ok());
  EXPECT_EQ(by_record.watermark(), Watermark(500));
}

TEST(WatermarkTracker, OutOfOrdernessHoldsTheWatermarkBackAndDoesNotOverflow) {
  WatermarkTracker tracker({0}, {.out_of_orderness = Duration(7)});
  Batch batch = Rows({std::numeric_limits<std::int64_t>::min() + 3, 10});
  ASSERT_TRUE(tracker.Observe(0, kStart, &batch).ok());
  EXPECT_EQ(tracker.watermark(), Watermark(3));
}

TEST(WatermarkTracker, TheLastInstantMovesTheWatermarkHoweverRowsAreBatched) {
  const std::int64_t last = std::numeric_limits<std::int64_t>::max();
  WatermarkTracker together({0}, {});
  Batch batch = Rows({10, last, 20});
  ASSERT_TRUE(together.Observe(0, kStart, &batch).ok());
  EXPECT_EQ(Before(batch), (std::vector<std::int64_t>{kNone, 10, last - 1}));
  WatermarkTracker apart({0}, {});
  for (const std::int64_t time : {std::int64_t{10}, last}) {
    Batch one = Rows({time});
    ASSERT_TRUE(apart.Observe(0, kStart, &one).ok());
  }
  Batch next = Rows({20});
  ASSERT_TRUE(apart.Observe(0, kStart, &next).ok());
  EXPECT_EQ(Before(next), (std::vector<std::int64_t>{last - 1}));
  EXPECT_EQ(together.watermark(), apart.watermark());
  EXPECT_EQ(together.watermark(), Watermark(last - 1));
}

TEST(WatermarkTracker, TheSlowestInputThatIsNotIdleDecides) {
  WatermarkTracker tracker({0, 0}, {.idle_after = Duration(100)});
  Batch fast = Rows({500});
  ASSERT_TRUE(tracker.Observe(0, kStart, &fast).ok());
  EXPECT_EQ(tracker.watermark(), kNoWatermark);
  Batch slow = Rows({50});
  ASSERT_TRUE(tracker.Observe(1, kStart, &slow).ok());
  EXPECT_EQ(tracker.watermark(), Watermark(50));
  // Input 1 is at its end for long enough; input 0 still has rows waiting.
  EXPECT_TRUE(tracker.CheckIdle(After(150), {false, true}));
  EXPECT_EQ(tracker.watermark(), Watermark(500));
}

TEST(WatermarkTracker, WhenAllAreIdleItMovesWithTimeAndNeverAboveTheWallClock) {
  WatermarkTracker tracker({0}, {.idle_after = Duration(100)});
  Batch batch = Rows({kNow.value() - 1'000});
  ASSERT_TRUE(tracker.Observe(0, kStart, &batch).ok());
  EXPECT_FALSE(tracker.CheckIdle(After(99), {true}));
  tracker.CheckIdle(After(100), {true});
  EXPECT_EQ(tracker.watermark(), Watermark(kNow.value() - 1'000));
  EXPECT_TRUE(tracker.CheckIdle(After(400), {true}));
  EXPECT_EQ(tracker.watermark(), Watermark(kNow.value() - 700));
  tracker.CheckIdle(After(100'000), {true});
  EXPECT_LE(tracker.watermark().value(), kNow.value() + 100'000);
}

TEST(WatermarkTracker, OneLateCheckMovesItAsFarAsManyWould) {
  WatermarkTracker tracker({0}, {.idle_after = Duration(100)});
  Batch batch = Rows({500});
  ASSERT_TRUE(tracker.Observe(0, kStart, &batch).ok());
  EXPECT_TRUE(tracker.CheckIdle(After(400), {true}));
  EXPECT_EQ(tracker.watermark(), Watermark(800));
}

TEST(WatermarkTracker, AWallClockThatIsSetMakesNothingIdleAndNoJump) {
  constexpr Duration kHour{3'600'000};
  for (const Duration set_by : {kHour, -kHour}) {
    WatermarkTracker tracker({0}, {.idle_after = Duration(100)});
    Batch batch = Rows({500});
    ASSERT_TRUE(tracker.Observe(0, kStart, &batch).ok());
    EXPECT_FALSE(tracker.CheckIdle(TwoClocks(Duration(50), set_by), {true}));
    EXPECT_FALSE(tracker.idle());
    EXPECT_EQ(tracker.watermark(), Watermark(500));
    tracker.CheckIdle(TwoClocks(Duration(400), set_by + Duration(400)), {true});
    EXPECT_TRUE(tracker.idle());
    EXPECT_LE(tracker.watermark(), Watermark(800));
  }
}

TEST(WatermarkTracker, AnInputThatIsNotAtItsEndIsNeverIdle) {
  WatermarkTracker tracker({0}, {.idle_after = Duration(100)});
  Batch batch = Rows({1});
  ASSERT_TRUE(tracker.Observe(0, kStart, &batch).ok());
  EXPECT_FALSE(tracker.CheckIdle(After(10'000), {false}));
  EXPECT_FALSE(tracker.CheckIdle(After(10'050), {true}));
  EXPECT_FALSE(tracker.idle());
}

TEST(WatermarkTracker, ARepartitionInputWaitsForEveryUpstreamAndIgnoresRegressions) {
  WatermarkTracker tracker({2}, {});
  ASSERT_TRUE(tracker.Report(0, {.upstream_partition = 0, .watermark = Watermark(100)}).ok());
  EXPECT_EQ(tracker.watermark(), kNoWatermark);
  ASSERT_TRUE(tracker.Report(0, {.upstream_partition = 1, .watermark = Watermark(40)}).ok());
  EXPECT_EQ(tracker.watermark(), Watermark(40));
  ASSERT_TRUE(tracker.Report(0, {.upstream_partition = 1, .watermark = Watermark(30)}).ok());
  EXPECT_EQ(tracker.watermark(), Watermark(40));
  ASSERT_TRUE(tracker.Report(0, {.upstream_partition = 1, .watermark = Watermark(40), .idle = true}).ok());
  EXPECT_EQ(tracker.watermark(), Watermark(100));
  EXPECT_EQ(tracker.Report(0, {.upstream_partition = 2}).code(), StatusCode::kCorrupt);
}

TEST(WatermarkTracker, SavedClocksComeBackAndForeignTextIsRefused) {
  WatermarkTracker before({0, 2}, {});
  Batch batch = Rows({77});
  ASSERT_TRUE(before.Observe(0, kStart, &batch).ok());
  ASSERT_TRUE(before.Report(1, {.upstream_partition = 0, .watermark = Watermark(60)}).ok());
  ASSERT_TRUE(before.Report(1, {.upstream_partition = 1, .watermark = Watermark(-5), .idle = true}).ok());
  EXPECT_EQ(before.watermark(), Watermark(60));
  WatermarkTracker after({0, 2}, {});
  ASSERT_TRUE(after.Load(0, before.Save(0), kStart).ok());
  ASSERT_TRUE(after.Load(1, before.Save(1), kStart).ok());
  after.FinishLoad();
  EXPECT_EQ(after.watermark(), Watermark(60));
  EXPECT_EQ(after.Save(1), before.Save(1));
  for (const char* text : {"x", "1", "1;", "1;2;q", "1;2;5;a3a4a5"}) {
    EXPECT_EQ(WatermarkTracker({2}, {}).Load(0, text, kStart).code(), StatusCode::kCorrupt) << text;
  }
}

}  // namespace
}  // namespace millrace
