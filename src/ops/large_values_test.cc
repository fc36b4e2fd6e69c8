// Long texts in aggregates: what comes out stays in batches of a bounded size, and what is kept within the
// share of the state.

#include <arrow/api.h>
#include <arrow/util/byte_size.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expr/expr.h"
#include "ops/latest.h"
#include "ops/ops_harness.h"
#include "ops/running.h"
#include "ops/window_results.h"

namespace millrace {
namespace {

constexpr std::int64_t kMiB = 1 << 20;
constexpr std::int64_t kLong = 900'000;  // nearly what a step keeps for one key

/// Keeps of each batch its rows and bytes, and the keys in order.
class BatchSizes final : public Output {
 public:
  Status Emit(Batch batch) override {
    CheckBatch(batch);
    bytes.push_back(*arrow::util::ReferencedBufferSize(*batch.data));
    const auto& keys = static_cast<const arrow::StringArray&>(*batch.data->column(0));
    for (std::int64_t i = 0; i < keys.length(); ++i) shown.append(keys.GetView(i)).append(" ");
    return Status::Ok();
  }
  Status Late(Batch /*batch*/, std::vector<std::int64_t> /*late_by_ms*/) override { return Unwanted(); }
  Status DeadLetter(const Batch& /*batch*/, std::vector<RowError> /*errors*/) override { return Unwanted(); }
  void CountFiltered(std::int64_t /*rows*/) override {}
  void CountAbsorbed(std::int64_t /*rows*/) override {}

  std::vector<std::int64_t> bytes;
  std::string shown;

 private:
  static Status Unwanted() { return Status::InvalidArgument("a row that is not emitted"); }
};

std::string TextOf(std::int64_t bytes) { return std::string(static_cast<std::size_t>(bytes), 'x'); }

/// 60 rows of nearly 1 MB, each of another key.
std::vector<std::string> RowsOfManyKeys(std::string* keys) {
  std::vector<std::string> rows;
  for (int i = 10; i < 70; ++i) {
    rows.push_back("k=" + std::to_string(i) + " t=1 v=" + TextOf(kLong));
    keys->append(std::to_string(i)).append(" ");
  }
  return rows;
}

class LargeResults : public testing::TestWithParam<const char*> {};

TEST_P(LargeResults, OfAWindowComeInBatchesOfBoundedBytes) {
  for (const EmitMode emit : {EmitMode::kFinal, EmitMode::kCurrent}) {
    WindowAggregateOptions options;
    options.kind = WindowKind::kTumbling;
    options.size = Duration(10);
    options.emit = emit;
    WindowRun run(options, {{"r", GetParam()}}, "k: string; t: int64; v: string");
    BatchSizes sizes;
    std::string keys;
    ASSERT_TRUE(run.window->Process(run.feed.Make(RowsOfManyKeys(&keys)), sizes).ok());
    if (emit == EmitMode::kFinal) {
      ASSERT_TRUE(run.window->AdvanceTime(kEndOfTime, sizes).ok());
    }
    EXPECT_THAT(sizes.bytes, testing::Each(testing::Lt(WindowResults::kMaxBytes + 2 * kMiB)));
    EXPECT_EQ(sizes.bytes.size(), 2U);
    EXPECT_EQ(sizes.shown, keys);
  }
}

TEST_P(LargeResults, OfATriggerComeInBatchesOfBoundedBytes) {
  for (const WindowKind kind : {WindowKind::kTumbling, WindowKind::kCount}) {
    WindowAggregateOptions options;
    options.kind = kind;
    options.size = Duration(10);
    options.count = options.count_step = 10;
    options.trigger = WindowTrigger{*ParseExpr("n >= 1")};
    WindowRun run(options, {{"n", "count()"}, {"r", GetParam()}}, "k: string; t: int64; v: string");
    BatchSizes sizes;
    std::string keys;
    ASSERT_TRUE(run.window->Process(run.feed.Make(RowsOfManyKeys(&keys)), sizes).ok());
    EXPECT_THAT(sizes.bytes, testing::Each(testing::Lt(WindowResults::kMaxBytes + 2 * kMiB)));
    EXPECT_EQ(sizes.bytes.size(), 2U);
    EXPECT_EQ(sizes.shown, keys);
  }
}

TEST_P(LargeResults, OfRunningComeInBatchesOfBoundedBytes) {
  RowFeed feed("k: string; t: int64; v: string");
  ScratchStore store;
  auto running = *MakeRunning(
      {.name = "r", .by = {"k"}, .aggregates = BindAggregates({{"r", GetParam()}}, feed.schema())},
      feed.schema(), &*store);
  // What a key has seen is repeated by each of its rows.
  std::vector<std::string> rows{"k=a t=1 v=" + TextOf(kLong / 2)};  // comes twice
  std::string keys = "a ";
  for (int i = 0; i < 99; ++i) {
    rows.push_back(i % 10 == 0 ? "k=b t=1 v=w" : "k=a t=1 v=w");
    keys += i % 10 == 0 ? "b " : "a ";
  }
  for (const int batch : {1, 2}) {
    BatchSizes sizes;
    ASSERT_TRUE(running->Process(feed.Make(rows), sizes).ok());
    EXPECT_THAT(sizes.bytes, testing::Each(testing::Lt(GroupUpdate::kMostEachBytes + 3 * kMiB)));
    EXPECT_GE(sizes.bytes.size(), 2U) << "batch " << batch;
    EXPECT_EQ(sizes.shown, keys);
  }
}

// --- State ---

constexpr std::int64_t kShare = 2 * kMiB;

/// Rows of 6 KB of ever new keys, committed 20 at a time.
void FillWith(Operator& step, RowFeed& feed, StateStore& store, Output& output) {
  for (int i = 0; i < 1000; i += 20) {
    std::vector<std::string> rows;
    for (int row = i; row < i + 20; ++row)
      rows.push_back("k=" + std::to_string(row) + " t=1 v=" + std::to_string(row) + TextOf(6000));
    ASSERT_TRUE(step.Process(feed.Make(rows), output).ok());
    ASSERT_TRUE(store.CommitDirty({}).ok());
    ASSERT_LT(store.memory_bytes(), 2 * kShare) << i;
  }
  EXPECT_EQ(store.num_rows(), 1000);
}

TEST(LargeState, OfLatestStaysNearItsShareOfTheMemory) {
  RowFeed feed("k: string; t: int64; v: string");
  ScratchStore store;
  store.max_bytes_in_memory = kShare;
  store.Reopen();
  auto latest = *MakeLatest({.name = "l", .by = {"k"}}, feed.schema(), &*store);
  CollectedOutput output;
  FillWith(*latest, feed, *store, output);
}

class LargeAggregates : public testing::TestWithParam<const char*> {};

TEST_P(LargeAggregates, StayNearTheirShareOfTheMemory) {
  WindowAggregateOptions options;
  options.kind = WindowKind::kTumbling;
  options.size = Duration(10);
  WindowRun run(options, {{"r", GetParam()}}, "k: string; t: int64; v: string");
  run.store.max_bytes_in_memory = kShare;
  run.Rollback(/*anew=*/true);
  CollectedOutput output;
  FillWith(*run.window, run.feed, *run.store, output);
  ASSERT_TRUE(run.window->AdvanceTime(kEndOfTime, output).ok());
  EXPECT_EQ(output.emitted.size(), 1000U);
  ASSERT_TRUE(run.store->CommitDirty({}).ok());
  EXPECT_EQ(run.store->num_rows(), 0);
  EXPECT_LT(run.store->memory_bytes(), kShare / 2) << "closed windows give their memory back";
}

INSTANTIATE_TEST_SUITE_P(Aggregates, LargeAggregates,
                         testing::Values("collect(v)", "top_k(v, 3)", "count_distinct(v)", "last(v)",
                                         "min(v)"),
                         [](const auto& test) {
                           return std::string(test.param).substr(0, std::string(test.param).find('('));
                         });

INSTANTIATE_TEST_SUITE_P(Aggregates, LargeResults,
                         testing::Values("collect(v, 2000)", "top_k(v, 3)", "first(v)", "max(v)"),
                         [](const auto& test) {
                           return std::string(test.param).substr(0, std::string(test.param).find('('));
                         });

}  // namespace
}  // namespace millrace
