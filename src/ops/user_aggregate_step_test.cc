// Aggregates that users write, in a step: its layout, its kept state, and a step whose user code throws.

#include <unistd.h>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "env/file.h"
#include "expr/builder.h"
#include "ops/aggregate_specs.h"
#include "ops/ops_harness.h"
#include "ops/running.h"
#include "ops/stored_rows.h"
#include "ops/user_aggregate_harness.h"
#include "ops/window_aggregate.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

RunningOptions Step(const RowFeed& feed, const std::shared_ptr<const UserAggregate>& user) {
  RunningOptions options;
  options.name = "r";
  options.by = {"k"};
  options.aggregates = {{.name = "y",
                         .function = user->traits().name,
                         .text = user->traits().name + "(x)",
                         .argument = *BoundExpr::Bind(Col("x"), feed.schema()),
                         .user = user}};
  return options;
}

std::string LayoutOf(const RowFeed& feed, const std::shared_ptr<const UserAggregate>& user) {
  return DescribeRunning(Step(feed, user), *feed.schema())->state_layout;
}

struct DoubledLater : Doubled {
  static constexpr int kVersion = 2;
};
struct DoubledLarger : Doubled {
  struct State {
    double sum = 0;
    double more = 0;
  };
  static void Update(State& /*state*/, std::span<const double> /*values*/) {}
  static void Merge(State& /*into*/, const State& /*from*/) {}
  static double Result(const State& state) { return state.sum; }
};

TEST(UserAggregateStep, ItsVersionAndSizeAreInTheLayoutOfTheState) {
  const RowFeed feed("k: string; t: int64; x: float64");
  EXPECT_EQ(LayoutOf(feed, UserOf(Doubled())),
            "r=running by k:string aggregate y = user v1 8 bytes doubled(x) of float64");
  EXPECT_EQ(LayoutOf(feed, UserOf(DoubledLater())),
            "r=running by k:string aggregate y = user v2 8 bytes doubled(x) of float64");
  EXPECT_EQ(LayoutOf(feed, UserOf(DoubledLarger())),
            "r=running by k:string aggregate y = user v1 16 bytes doubled(x) of float64");
  const RowFeed texts("k: string; t: int64; x: string");
  EXPECT_EQ(LayoutOf(texts, UserOf(Words())),
            "r=running by k:string aggregate y = user v3 words(x) of string");
}

TEST(UserAggregateStep, AStateOfAnotherVersionIsRefusedWithTheNameOfTheStep) {
  const RowFeed feed("k: string; t: int64; x: float64");
  const auto runtime = *StateRuntime::Make(ByteCount(16 << 20));
  StateStoreOptions options;
  options.directory = testing::TempDir() + "millrace-user-aggregate-" + std::to_string(getpid());
  const auto opened = [&](const std::shared_ptr<const UserAggregate>& user) {
    options.layout = LayoutOf(feed, user) + "\n";
    return StateStore::Open(options, *runtime).status();
  };
  ASSERT_TRUE(RemoveAll(options.directory).ok());
  EXPECT_TRUE(opened(UserOf(Doubled())).ok());
  EXPECT_TRUE(opened(UserOf(Doubled())).ok());
  EXPECT_THAT(opened(UserOf(DoubledLater())).message(), HasSubstr("millrace reset FILE --step r"));
  EXPECT_THAT(opened(UserOf(DoubledLarger())).message(), HasSubstr("millrace reset FILE --step r"));
  EXPECT_TRUE(RemoveAll(options.directory).ok());
}

TEST(UserAggregateStep, ItsStateIsShownAsBytesByThoseWhoLackItsCode) {
  RowFeed feed("k: string; t: int64; x: string");
  const RunningOptions options = Step(feed, UserOf(Words()));
  ScratchStore store;
  const auto step = *MakeRunning(options, feed.schema(), &*store);
  CollectedOutput output;
  ASSERT_TRUE(step->Process(feed.Make({"k=a t=1 x=b", "k=a t=2 x=a"}), output).ok());
  EXPECT_THAT(output.emitted, ElementsAre("k=a y=\"-b\"", "k=a y=\"-ab\""));
  ASSERT_TRUE(store->CollectDirty([](const ChangelogEntry&) { return Status::Ok(); }).ok());
  ASSERT_TRUE(store->CommitDirty({}).ok());
  const std::string layout = LayoutOf(feed, UserOf(Words())).substr(2);
  const auto rows = *StoredRows::Make(layout);
  const auto more =
      store->Select("r", RowQuery(), [&](std::int64_t slice, std::string_view key, std::string_view row) {
        return rows->Add(slice, key, row);
      });
  ASSERT_TRUE(more.ok()) << more.status().ToString();
  const auto batch = *rows->Take();
  ASSERT_EQ(batch->num_rows(), 1);
  const auto& values = static_cast<const arrow::StructArray&>(*batch->GetColumnByName("values"));
  EXPECT_EQ(values.type()->ToString(), "struct<y: binary>");
  EXPECT_EQ(static_cast<const arrow::BinaryArray&>(*values.field(0)).GetView(0), "-\na\nb\n");
}

/// Commits, and returns the longest record of the changelog.
std::size_t LongestCommitted(StateStore& store) {
  std::size_t longest = 0;
  const Status collected = store.CollectDirty([&longest](const ChangelogEntry& entry) {
    longest = std::max(longest, entry.key.size() + entry.value.value_or("").size());
    return Status::Ok();
  });
  EXPECT_TRUE(collected.ok()) << collected.ToString();
  EXPECT_TRUE(store.CommitDirty({}).ok());
  return longest;
}

std::string RowOf(const char* key, char letter, std::size_t letters) {
  return std::string("k=") + key + " t=1 x=" + std::string(letters, letter);
}

constexpr const char* kNoResult =
    "words(x) has a state of more than 1000000 bytes, which is what a step can keep for it";

TEST(UserAggregateStep, AStateThatOutgrowsItsChangelogHasNoResultFromThenOn) {
  RowFeed feed("k: string; t: int64; x: string");
  const RunningOptions options = Step(feed, UserOf(Words()));
  ScratchStore store;
  auto step = *MakeRunning(options, feed.schema(), &*store);
  CollectedOutput output;
  const auto run = [&](const std::vector<std::string>& rows) {
    ASSERT_TRUE(step->Process(feed.Make(rows), output).ok());
  };
  // "-" and two texts, a byte behind each: as much as fits.
  run({RowOf("a", 'x', 500'000), RowOf("a", 'y', 499'996), RowOf("b", 'x', 500'000),
       RowOf("b", 'y', 499'997)});
  EXPECT_EQ(output.emitted.size(), 4U);
  EXPECT_THAT(LongestCommitted(*store), testing::AllOf(testing::Gt(1'000'000U), testing::Lt(1'000'100U)));
  output.emitted.clear();
  run({"k=a t=1 x=y", "k=c t=1 x=y"});
  EXPECT_EQ(output.emitted.size(), 2U);
  EXPECT_TRUE(output.dead_letters.empty());
  output.emitted.clear();
  for (const bool anew : {false, true}) {
    if (anew) step = *MakeRunning(options, feed.schema(), &store.Reopen());
    run({"k=b t=1 x=w", "k=c t=1 x=z", "k=b t=1 x=v"});
    EXPECT_THAT(output.dead_letters, testing::Each(HasSubstr(kNoResult)));
    EXPECT_EQ(output.dead_letters.size(), anew ? 4U : 2U);
    EXPECT_LT(LongestCommitted(*store), 1'000'100U);
  }
  EXPECT_THAT(output.emitted, ElementsAre("k=c y=\"-yz\"", "k=c y=\"-yz\""));
}

TEST(UserAggregateStep, AWindowWhoseStateOutgrewIsADeadLetterAndOthersGoOn) {
  for (const WindowKind kind : {WindowKind::kTumbling, WindowKind::kHopping, WindowKind::kSession}) {
    RowFeed feed("k: string; t: int64; x: string");
    const RunningOptions aggregates = Step(feed, UserOf(Words()));
    WindowAggregateOptions options;
    options.name = "w";
    options.by = aggregates.by;
    options.aggregates = aggregates.aggregates;
    options.kind = kind;
    options.size = Duration(10);
    options.step = Duration(5);
    SCOPED_TRACE(DescribeWindow(options, *feed.schema())->state_layout);
    ScratchStore store;
    const auto window = *MakeWindowAggregate(options, feed.schema(), *store);
    CollectedOutput output;
    for (const char letter : {'x', 'y', 'z'}) {
      ASSERT_TRUE(
          window->Process(feed.Make({RowOf("a", letter, 400'000), RowOf("b", letter, 3)}), output).ok());
      EXPECT_LT(LongestCommitted(*store), 1'000'000U);
    }
    ASSERT_TRUE(window->AdvanceTime(kEndOfTime, output).ok());
    const std::size_t windows = kind == WindowKind::kHopping ? 2 : 1;
    EXPECT_THAT(output.dead_letters, testing::Each(HasSubstr(kNoResult)));
    EXPECT_EQ(output.dead_letters.size(), windows);
    EXPECT_EQ(output.emitted.size(), windows);
    EXPECT_THAT(output.emitted, testing::Each(HasSubstr("-xxxyyyzzz")));
    EXPECT_LT(LongestCommitted(*store), 100U);
  }
}

TEST(UserAggregateStep, AnExceptionStopsItAndNothingIsCommitted) {
  for (const char* where : {"Init", "Update", "Result", "Encode"}) {
    SCOPED_TRACE(where);
    RowFeed feed("k: string; t: int64; x: int64");
    ScratchStore store;
    const auto step = *MakeRunning(Step(feed, UserOf(Throwing{where})), feed.schema(), &*store);
    CollectedOutput output;
    const Status ran = step->Process(feed.Make({"k=a t=1 x=1"}), output);
    const Status collected = store->CollectDirty([](const ChangelogEntry&) { return Status::Ok(); });
    EXPECT_EQ(ran.ok(), std::string_view(where) == "Encode");
    EXPECT_THAT(collected.message(), HasSubstr("the aggregate 'throwing' threw in " + std::string(where)));
  }
}

TEST(UserAggregateStep, WhatEncodeThrowsKeepsAnyWindowFromBeingCommitted) {
  WindowAggregateOptions plain;
  plain.size = Duration(10);
  WindowAggregateOptions by_key = plain;
  by_key.closing = ClosingMode::kKey;
  WindowAggregateOptions triggered = plain;
  triggered.trigger = WindowTrigger{*ParseExpr("k = 'other'")};
  WindowAggregateOptions both = by_key;
  both.trigger = triggered.trigger;
  for (WindowAggregateOptions options : {plain, by_key, triggered, both}) {
    RowFeed feed("k: string; t: int64; x: int64");
    const RunningOptions step = Step(feed, UserOf(Throwing{"Encode"}));
    options.name = step.name;
    options.by = step.by;
    options.aggregates = step.aggregates;
    SCOPED_TRACE(DescribeWindow(options, *feed.schema())->state_layout);
    ScratchStore store;
    const auto window = *MakeWindowAggregate(options, feed.schema(), *store);
    CollectedOutput output;
    EXPECT_TRUE(window->Process(feed.Make({"k=a t=1 x=1"}), output).ok());
    const Status collected = store->CollectDirty([](const ChangelogEntry&) { return Status::Ok(); });
    EXPECT_THAT(collected.message(), HasSubstr("the aggregate 'throwing' threw in Encode"));
  }
}

}  // namespace
}  // namespace millrace
