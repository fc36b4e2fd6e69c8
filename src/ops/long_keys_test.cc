// Keys that are too long for a record of the changelog, in every step that keeps something per key.

#include <functional>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expr/expr.h"
#include "ops/changes.h"
#include "ops/deduplicate.h"
#include "ops/expire.h"
#include "ops/latest.h"
#include "ops/map.h"
#include "ops/ops_harness.h"
#include "ops/running.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::shared_ptr<arrow::Schema>& Columns() {
  static const std::shared_ptr<arrow::Schema> kColumns = RowFeed("k: string; t: int64; v: int64").schema();
  return kColumns;
}

using Maker = std::function<Result<std::unique_ptr<Operator>>(StateStore& store)>;

Maker Window(WindowKind kind, const std::function<void(WindowAggregateOptions*)>& change = nullptr) {
  WindowAggregateOptions options;
  options.kind = kind;
  options.size = Duration(kind == WindowKind::kHopping ? 20 : 10);
  options.step = Duration(10);
  options.count = options.count_step = 2;
  options.name = "w";
  options.by = {"k"};
  options.aggregates = BindAggregates({{"n", "count()"}}, Columns());
  if (change != nullptr) change(&options);
  return [options](StateStore& store) { return MakeWindowAggregate(options, Columns(), store); };
}

void CloseByKey(WindowAggregateOptions* options) { options->closing = ClosingMode::kKey; }
void Trigger(WindowAggregateOptions* options) { options->trigger = WindowTrigger{*ParseExpr("n >= 9")}; }

struct Step {
  const char* name;
  Maker make;
  std::int64_t most_key_bytes = kMostKeyBytes;
};

std::vector<Step> Steps() {
  return {
      {"tumbling", Window(WindowKind::kTumbling)},
      {"hopping", Window(WindowKind::kHopping)},
      {"sliding", Window(WindowKind::kSliding)},
      {"session", Window(WindowKind::kSession)},
      {"count", Window(WindowKind::kCount)},
      {"closing by key", Window(WindowKind::kTumbling, CloseByKey)},
      {"sessions closing by key", Window(WindowKind::kSession, CloseByKey)},
      {"trigger", Window(WindowKind::kTumbling, Trigger)},
      {"trigger of sessions", Window(WindowKind::kSession, Trigger)},
      {"trigger of a count", Window(WindowKind::kCount, Trigger)},
      {"changes",
       [](StateStore& store) {
         return MakeChanges({.name = "c", .by = {"k"}, .columns = {"v"}, .ttl = Duration(100)}, Columns(),
                            &store);
       }},
      {"running",
       [](StateStore& store) {
         return MakeRunning(
             {.name = "r", .by = {"k"}, .aggregates = BindAggregates({{"n", "count()"}}, Columns())},
             Columns(), &store);
       }},
      {"latest",
       [](StateStore& store) {
         return MakeLatest({.name = "l", .by = {"k"}, .ttl = Duration(100)}, Columns(), &store);
       }},
      {"map",
       [](StateStore& store) {
         const MapFunction keep = [](const auto& rows, KeyedState& state) {
           for (std::int64_t row = 0; row < rows->num_rows(); ++row) state.Put(row, "kept");
           return rows;
         };
         return MakeMap({.name = "m", .by = {"k"}, .function = keep}, Columns(), &store);
       }},
      {"deduplicate",
       [](StateStore& store) {
         return MakeDeduplicate({.name = "d", .by = {"k"}, .within = Duration(100)}, Columns(), &store);
       },
       kMostKeyBytes + kMostRowBytes - 8},
      {"expire",
       [](StateStore& store) {
         return MakeExpire({.name = "e", .by = {"k"}},
                           *BoundExpr::Bind(*ParseExpr("to_timestamp(v)"), Columns()), Columns(), &store);
       },
       kMostKeyBytes + kMostRowBytes - 33},
  };
}

TEST(LongKeys, AreDeadLettersWhereARecordOfTheChangelogCouldNotHaveThem) {
  for (const Step& step : Steps()) {
    SCOPED_TRACE(step.name);
    ScratchStore store;
    auto made = step.make(*store);
    ASSERT_TRUE(made.ok()) << made.status().ToString();
    RowFeed feed("k: string; t: int64; v: int64");
    CollectedOutput output;
    // A text has a byte before it.
    const auto longest = std::string(static_cast<std::size_t>(step.most_key_bytes - 1), 'x');
    ASSERT_TRUE((*made)
                    ->Process(feed.Make({"k=a t=1 v=50", "k=" + longest + " t=2 v=50",
                                         "k=" + longest + "x t=3 v=50", "k=b t=4 v=50"}),
                              output)
                    .ok());
    EXPECT_THAT(output.dead_letters,
                ElementsAre(HasSubstr("class=too_large: the key (k) has " +
                                      std::to_string(step.most_key_bytes + 1) + " bytes")));
    std::int64_t kept = 0;
    ASSERT_TRUE(store
                    ->CollectDirty([&](const ChangelogEntry& entry) -> Status {
                      if (entry.key.size() < longest.size()) return Status::Ok();
                      ++kept;
                      EXPECT_LE(entry.key.size() + entry.value.value_or("").size(), 1'048'400U);
                      return Status::Ok();
                    })
                    .ok());
    EXPECT_GE(kept, 1) << "the longest key is kept";
  }
}

TEST(LongKeys, CountWithAllTheirColumnsAndAsTheyAreKept) {
  RowFeed feed("k: string; j: string; t: int64; v: int64");
  ScratchStore store;
  const auto step = *MakeChanges({.name = "c", .by = {"k", "j"}, .columns = {"v"}}, feed.schema(), &*store);
  CollectedOutput output;
  const std::string half(11'996, 'x');  // and a byte before each, and two behind the first
  const auto row = [&](const std::string& k, const std::string& j) {
    return "k=" + k + " j=" + j + " t=1 v=1";
  };
  ASSERT_TRUE(
      step->Process(feed.Make({row(half + "yyyy", half), row(half, half + "yyyyy"), row("a", half)}), output)
          .ok());
  EXPECT_EQ(output.emitted.size(), 2U);
  EXPECT_THAT(output.dead_letters, ElementsAre(HasSubstr("the key (k, j) has 24001 bytes")));
}

}  // namespace
}  // namespace millrace
