#include "ops/stored_rows.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columnar/key_encoding.h"
#include "ops/changes.h"
#include "ops/clocked_rows.h"
#include "ops/count_window.h"
#include "ops/deduplicate.h"
#include "ops/expire.h"
#include "ops/latest.h"
#include "ops/map.h"
#include "ops/ops_harness.h"
#include "ops/running.h"
#include "ops/triggered_rows.h"
#include "ops/window_span.h"

namespace millrace {
namespace {

using testing::HasSubstr;

/// The bytes of one row as an operator stores them.
std::string RowOf(std::vector<std::pair<const char*, std::shared_ptr<arrow::Array>>> aggregates) {
  std::vector<std::unique_ptr<Aggregator>> made;
  std::vector<std::shared_ptr<arrow::Array>> values;
  for (auto& [function, argument] : aggregates) {
    made.push_back(*MakeAggregator(
        {.function = function, .argument = argument == nullptr ? nullptr : argument->type()}));
    values.push_back(argument);
  }
  GroupRows rows(std::move(made));
  rows.Resize(1);
  rows.Clear(0);
  const std::int64_t times[] = {1, 2, 3};
  std::vector<std::byte*> groups(3, rows.group(0));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    AggregateInput input;
    input.groups = groups;
    input.state_at = rows.state_at(i);
    input.values = values[i].get();
    input.event_times_ms = times;
    EXPECT_TRUE(rows.aggregator(i).Update(input));
  }
  std::string bytes;
  rows.Encode(0, &bytes);
  return bytes;
}

std::shared_ptr<arrow::Array> Strings(const std::vector<std::string>& values) {
  arrow::StringBuilder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return *builder.Finish();
}

std::shared_ptr<arrow::Array> Ints(const std::vector<std::int64_t>& values) {
  arrow::Int64Builder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return *builder.Finish();
}

std::string KeyOf(const std::vector<std::shared_ptr<arrow::Array>>& columns) {
  KeyBuffer keys;
  EXPECT_TRUE(EncodeKeys(columns, &keys).ok());
  return std::string(keys[0]);
}

TEST(StoredRows, RowsAreReadByTheirLayoutAlone) {
  auto rows = *StoredRows::Make(
      "tumbling 1m30s offset 0ms by symbol:string day:int64 aggregate n = count(), total = sum(case when x = "
      "', a "
      "= b(' then 1 else y end) of int64, best = max(symbol) of string, opening = first(at) of "
      "timestamp[ms]");
  const auto symbols = Strings({"a", "c", "b"});
  const auto times = *Ints({7, 8, 9})->View(arrow::timestamp(arrow::TimeUnit::MILLI));
  const std::string row =
      RowOf({{"count", nullptr}, {"sum", Ints({1, 2, 3})}, {"max", symbols}, {"first", times}});
  ASSERT_TRUE(rows->Add(90'000, KeyOf({Strings({"x"}), Ints({5})}), row).ok());
  ASSERT_TRUE(rows->Add(180'000, KeyOf({Strings({"y"}), Ints({-5})}), row).ok());
  const auto batch = *rows->Take();
  ASSERT_EQ(batch->num_rows(), 2);
  EXPECT_EQ(
      batch->schema()->ToString(),
      "window_start: timestamp[ms]\nwindow_end: timestamp[ms]\nkey: struct<symbol: string, day: int64>\n"
      "values: struct<n: int64, total: int64, best: string, opening: timestamp[ms]>");
  const auto text = [&](int column, std::int64_t at) {
    return (*batch->column(column)->GetScalar(at))->ToString();
  };
  EXPECT_THAT(text(0, 0), HasSubstr("00:01:30"));
  EXPECT_THAT(text(1, 0), HasSubstr("00:03:00"));
  EXPECT_EQ(text(2, 1), "{symbol:string = y, day:int64 = -5}");
  EXPECT_THAT(text(3, 0), HasSubstr("{n:int64 = 3, total:int64 = 6, best:string = c, opening:timestamp[ms]"));
  EXPECT_EQ(rows->num_rows(), 0);
}

TEST(StoredRows, ClocksOfKeysAreLeftOut) {
  auto rows = *StoredRows::Make("tumbling 10s offset 0ms closes-by-key by k:int64 aggregate n = count()");
  std::vector<std::unique_ptr<Aggregator>> made;
  made.push_back(*MakeAggregator({.function = "count"}));
  GroupRows groups(std::move(made));
  ClockedRows clocked(&groups);
  clocked.Resize(2);
  clocked.Clear(0);
  clocked.Clear(1);
  clocked.set_clock(1, 12'345);
  const auto add = [&](std::int64_t slice, std::uint32_t slot) {
    std::string bytes;
    clocked.Encode(slot, &bytes);
    return rows->Add(slice, KeyOf({Ints({5})}), bytes);
  };
  ASSERT_TRUE(add(10'000, 0).ok());
  ASSERT_TRUE(add(ClockedRows::kClocks, 1).ok());
  const auto batch = *rows->Take();
  ASSERT_EQ(batch->num_rows(), 1);
  EXPECT_THAT((*batch->column(0)->GetScalar(0))->ToString(), HasSubstr("00:00:10"));
}

TEST(StoredRows, WindowsThatHoldNothingAreLeftOut) {
  auto rows = *StoredRows::Make(
      "hopping 10s every 5s offset 0ms each-by-itself closes-by-key by k:int64 aggregate n = count()");
  std::vector<std::unique_ptr<Aggregator>> made;
  made.push_back(*MakeAggregator({.function = "count"}));
  GroupRows groups(std::move(made));
  ClockedRows clocked(&groups);
  TriggeredRows triggered(&clocked, TriggeredRows::Empty::kStored);
  triggered.Resize(3);
  for (const std::uint32_t slot : {0U, 1U, 2U}) triggered.Clear(slot);
  triggered.set_empty(1, false);
  clocked.set_clock(2, 12'345);
  for (const std::uint32_t slot : {0U, 1U, 2U}) {
    std::string bytes;
    triggered.Encode(slot, &bytes);
    ASSERT_TRUE(rows->Add(5'000 * slot, KeyOf({Ints({5})}), bytes).ok());
  }
  const auto batch = *rows->Take();
  ASSERT_EQ(batch->num_rows(), 1);
  EXPECT_THAT((*batch->GetColumnByName("window_start")->GetScalar(0))->ToString(), HasSubstr("00:00:05"));
  EXPECT_THAT((*batch->GetColumnByName("window_end")->GetScalar(0))->ToString(), HasSubstr("00:00:15"));
}

TEST(StoredRows, OtherSlicesThanTumblingWindowsStaySlices) {
  auto rows = *StoredRows::Make("something else by k:int64 aggregate n = count()");
  ASSERT_TRUE(rows->Add(-3, KeyOf({Ints({5})}), RowOf({{"count", nullptr}})).ok());
  const auto batch = *rows->Take();
  EXPECT_EQ((*batch->GetColumnByName("slice")->GetScalar(0))->ToString(), "-3");
}

TEST(StoredRows, SessionsAreReadWithoutWhatOnlyTheWindowNeeds) {
  auto rows = *StoredRows::Make(
      "session 10s by k:int64 aggregate top = top_k(v, 2) of int64, n = count() where v > 1 and v < 9 of "
      "bool");
  std::vector<std::unique_ptr<Aggregator>> made;
  made.push_back(*MakeAggregator({.function = "top_k", .argument = arrow::int64(), .parameter = 2}));
  made.push_back(*MakeAggregator({.function = "count", .argument = arrow::boolean()}));
  made.push_back(std::make_unique<WindowSpanAggregator>());
  GroupRows groups(std::move(made), 1);
  groups.Resize(1);
  groups.Clear(0);
  SpanOf(groups, 0).Cover(20'000);
  SpanOf(groups, 0).Cover(15'000);
  std::string bytes;
  groups.Encode(0, &bytes);
  const std::int64_t id = 17'000;
  const std::string key(reinterpret_cast<const char*>(&id), sizeof(id));
  ASSERT_TRUE(rows->Add(0, key + KeyOf({Ints({5})}), bytes).ok());
  EXPECT_EQ(rows->Add(0, "short", bytes).code(), StatusCode::kCorrupt);
  const auto batch = *rows->Take();
  EXPECT_EQ(batch->num_rows(), 1);
  EXPECT_EQ(batch->schema()->ToString(),
            "window_start: timestamp[ms]\nwindow_end: timestamp[ms]\nkey: struct<k: int64>\n"
            "values: struct<top: list<item: int64>, n: int64>");
  EXPECT_THAT((*batch->column(0)->GetScalar(0))->ToString(), HasSubstr("00:00:15"));
  EXPECT_THAT((*batch->column(1)->GetScalar(0))->ToString(), HasSubstr("00:00:30"))
      << "the gap behind the last";
}

TEST(StoredRows, CountWindowsShowTheirRowsAndTheirTimesAndNoCounters) {
  auto rows = *StoredRows::Make("count 6 every 2 by k:int64 aggregate n = count()");
  std::vector<std::unique_ptr<Aggregator>> made;
  made.push_back(*MakeAggregator({.function = "count"}));
  made.push_back(std::make_unique<WindowSpanAggregator>());
  GroupRows groups(std::move(made), 1);
  groups.Resize(1);
  groups.Clear(0);
  SpanOf(groups, 0).Cover(20'000);
  SpanOf(groups, 0).Cover(15'000);
  std::string bytes;
  groups.Encode(0, &bytes);
  ASSERT_TRUE(rows->Add(kCountersOfRows, KeyOf({Ints({5})}), bytes).ok());
  ASSERT_TRUE(rows->Add(4, KeyOf({Ints({5})}), bytes).ok());
  const auto batch = *rows->Take();
  ASSERT_EQ(batch->num_rows(), 1);
  EXPECT_EQ((*batch->GetColumnByName("slice")->GetScalar(0))->ToString(), "4");
  EXPECT_THAT((*batch->GetColumnByName("window_start")->GetScalar(0))->ToString(), HasSubstr("00:00:15.000"));
  EXPECT_THAT((*batch->GetColumnByName("window_end")->GetScalar(0))->ToString(), HasSubstr("00:00:20.001"));
}

/// What a step holds after some rows, as text: the columns `key` and `values` of each.
std::vector<std::string> Held(Operator& step, const std::string& named_layout, RowFeed& feed,
                              ScratchStore& store) {
  CollectedOutput output;
  EXPECT_TRUE(step.Process(feed.Make({"k=a t=1 v=5", "k=b t=2 v=null", "k=a t=4 v=6"}), output).ok());
  EXPECT_TRUE(store->CollectDirty([](const ChangelogEntry&) { return Status::Ok(); }).ok());
  EXPECT_TRUE(store->CommitDirty({}).ok());
  const std::size_t equals = named_layout.find('=');
  auto rows = StoredRows::Make(named_layout.substr(equals + 1));
  EXPECT_TRUE(rows.ok()) << rows.status().message();
  RowQuery query;
  query.slice = (*rows)->only_slice();
  const auto more = store->Select(named_layout.substr(0, equals), query,
                                  [&](std::int64_t slice, std::string_view key, std::string_view row) {
                                    return (*rows)->Add(slice, key, row);
                                  });
  EXPECT_TRUE(more.ok());
  std::vector<std::string> held;
  const auto batch = *(*rows)->Take();
  for (std::int64_t i = 0; i < batch->num_rows(); ++i) {
    held.push_back((*batch->GetColumnByName("key")->GetScalar(i))->ToString() + " " +
                   (*batch->GetColumnByName("values")->GetScalar(i))->ToString());
  }
  return held;
}

class StoredSteps : public testing::Test {
 protected:
  RowFeed feed_{"k: string; t: int64; v: int64"};
  ScratchStore store_;
};

TEST_F(StoredSteps, LatestIsItsRowsWithAndWithoutATimeToLive) {
  for (const std::optional<Duration> ttl : {std::optional<Duration>(), std::optional(Duration(1'000))}) {
    const LatestOptions options{.name = ttl ? "aging" : "table", .by = {"k"}, .ttl = ttl};
    ScratchStore store;  // which must not outlive the work of its step
    const auto step = *MakeLatest(options, feed_.schema(), &*store);
    EXPECT_THAT(Held(*step, *LatestLayout(options, *feed_.schema()), feed_, store),
                testing::ElementsAre("{k:string = a} {k:string = a, t:int64 = 4, v:int64 = 6}",
                                     "{k:string = b} {k:string = b, t:int64 = 2, v:int64 = null}"));
  }
}

TEST_F(StoredSteps, ChangesIsWhatPassedLast) {
  for (const std::optional<Duration> ttl : {std::optional<Duration>(), std::optional(Duration(1'000))}) {
    const ChangesOptions options{.name = "c", .by = {"k"}, .columns = {"v"}, .ttl = ttl};
    ScratchStore store;
    const auto step = *MakeChanges(options, feed_.schema(), &*store);
    EXPECT_THAT(Held(*step, *ChangesLayout(options, *feed_.schema()), feed_, store),
                testing::ElementsAre("{k:string = a} {v:int64 = 6}", "{k:string = b} {v:int64 = null}"));
  }
}

TEST_F(StoredSteps, RunningIsItsAggregatesWithAndWithoutATimeToLive) {
  for (const std::optional<Duration> ttl : {std::optional<Duration>(), std::optional(Duration(1'000))}) {
    const RunningOptions options{.name = "r",
                                 .by = {"k"},
                                 .aggregates = BindAggregates({{"n", "count()"}}, feed_.schema()),
                                 .ttl = ttl};
    ScratchStore store;
    const auto step = *MakeRunning(options, feed_.schema(), &*store);
    EXPECT_THAT(Held(*step, DescribeRunning(options, *feed_.schema())->state_layout, feed_, store),
                testing::ElementsAre("{k:string = a} {n:int64 = 2}", "{k:string = b} {n:int64 = 1}"));
  }
}

TEST_F(StoredSteps, DeduplicateIsWhenARowPassed) {
  const DeduplicateOptions options{.name = "d", .by = {"k"}, .within = Duration(1'000)};
  const auto step = *MakeDeduplicate(options, feed_.schema(), &*store_);
  EXPECT_THAT(Held(*step, *DeduplicateLayout(options, *feed_.schema()), feed_, store_),
              testing::ElementsAre("{k:string = a} {passed_at:timestamp[ms] = 1970-01-01 00:00:00.001}",
                                   "{k:string = b} {passed_at:timestamp[ms] = 1970-01-01 00:00:00.002}"));
}

TEST_F(StoredSteps, ExpireIsWhatLivesAndUntilWhen) {
  const ExpireOptions options{.name = "e", .by = {"k"}};
  const auto at = BoundExpr::Bind(*ParseExpr("to_timestamp(v)"), feed_.schema());
  const auto step = *MakeExpire(options, *at, feed_.schema(), &*store_);
  EXPECT_THAT(Held(*step, *ExpireLayout(options, *feed_.schema()), feed_, store_),
              testing::ElementsAre("{k:string = a} {expires_at:timestamp[ms] = 1970-01-01 00:00:00.006, "
                                   "event_time:timestamp[ms] = 1970-01-01 00:00:00.004}",
                                   "{k:string = b} {expires_at:timestamp[ms] = null, "
                                   "event_time:timestamp[ms] = 1970-01-01 00:00:00.002}"));
}

TEST_F(StoredSteps, MapIsTheUsersBytes) {
  MapOptions options{.name = "m", .by = {"k"}, .ttl = Duration(1'000)};
  options.function = [](const std::shared_ptr<arrow::RecordBatch>& rows, KeyedState& state) {
    for (std::int64_t row = 0; row < rows->num_rows(); ++row) state.Put(row, "x");
    return rows;
  };
  const auto step = *MakeMap(options, feed_.schema(), &*store_);
  EXPECT_THAT(Held(*step, *MapLayout(options, *feed_.schema()), feed_, store_),
              testing::ElementsAre(testing::HasSubstr("{k:string = a} {value:binary = x, expires_at"),
                                   testing::HasSubstr("{k:string = b} {value:binary = x, expires_at")));
}

TEST(StoredRows, WhatDoesNotReadIsAnErrorAndNotARow) {
  EXPECT_EQ(StoredRows::Make("int64").status().code(), StatusCode::kInvalidArgument);
  EXPECT_FALSE(StoredRows::Make("tumbling 1s offset 0ms by k:int64 aggregate n = nonsense()").ok());
  auto rows = *StoredRows::Make("tumbling 1s offset 0ms by k:int64 aggregate n = count()");
  EXPECT_EQ(rows->Add(0, KeyOf({Ints({1})}), "short").code(), StatusCode::kCorrupt);
  EXPECT_EQ(rows->num_rows(), 0);
  ASSERT_TRUE(rows->Add(0, "no key", RowOf({{"count", nullptr}})).ok());
  EXPECT_EQ(rows->Take().status().code(), StatusCode::kCorrupt);
}

}  // namespace
}  // namespace millrace
