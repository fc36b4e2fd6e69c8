// The step `expire`: random rows, cut into batches at random, with checkpoints, lost checkpoints and
// evictions between them, against a row-at-a-time definition, and what random rows do not reach. Every
// failure prints its seed.

#include "ops/expire.h"

#include <array>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <utility>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expr/expr.h"
#include "ops/expiry_schedule.h"
#include "ops/latest.h"
#include "ops/ops_harness.h"
#include "ops/row_ends.h"
#include "ops/stored_rows.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();

struct Row {
  std::int64_t key = 0;
  std::int64_t time = 0;
  std::optional<std::int64_t> ends;
  bool tombstone = false;

  std::string Text() const {
    return "k=" + std::to_string(key) + " t=" + std::to_string(time) +
           " x=" + (ends ? std::to_string(*ends) : "null");
  }
};

std::string EndOf(std::int64_t key) { return "tombstone k=" + std::to_string(key) + " t=null x=null"; }

/// An `expire` by k at x, milliseconds, over rows (k, t, x).
class ExpireRun {
 public:
  explicit ExpireRun(std::int64_t max_rows_in_memory = 1'000'000) {
    store.max_rows_in_memory = max_rows_in_memory;
    store.Reopen();
    auto at = BoundExpr::Bind(*ParseExpr("to_timestamp(x)"), feed->schema());
    auto made = MakeExpire({.name = "e", .by = {"k"}, .origin = {"in", Partition(3)}}, *std::move(at),
                           feed->schema(), &*store);
    EXPECT_TRUE(made.ok()) << made.status().ToString();
    step = *std::move(made);
  }

  void Run(std::span<const Row> rows) {
    std::vector<std::string> texts;
    arrow::BooleanBuilder tombstones;
    for (const Row& row : rows) {
      texts.push_back(row.Text());
      EXPECT_TRUE(tombstones.Append(row.tombstone).ok());
    }
    Batch batch = feed->Make(texts);
    EXPECT_TRUE(tombstones.Finish(&batch.tombstone).ok());
    const Status status = step->Process(std::move(batch), output);
    EXPECT_TRUE(status.ok()) << status.ToString();
    AdvanceTo(feed->watermark());
  }
  void Run(const Row& row) { Run(std::span(&row, 1)); }

  void AdvanceTo(Watermark watermark) {
    const Status status = step->AdvanceTime(watermark, output);
    EXPECT_TRUE(status.ok()) << status.ToString();
  }

  /// Entries that went to the changelog.
  std::int64_t Commit() {
    std::int64_t entries = 0;
    EXPECT_TRUE(store
                    ->CollectDirty([&](const ChangelogEntry&) {
                      ++entries;
                      return Status::Ok();
                    })
                    .ok());
    EXPECT_TRUE(store->CommitDirty({}).ok());
    return entries;
  }

  std::unique_ptr<RowFeed> feed = std::make_unique<RowFeed>("k: int64; t: int64; x: int64");
  ScratchStore store;
  std::unique_ptr<Operator> step;
  CollectedOutput output;
};

/// What must come out, a row at a time.
class Definition {
 public:
  /// Rows that ended by the first run, if it is known, are over.
  explicit Definition(std::optional<std::int64_t> first_run = {}) : first_run_(first_run.value_or(kLowest)) {}

  void Add(const Row& row) {
    End();
    const std::int64_t before = watermark_;
    watermark_ = std::max(watermark_, row.time);
    const std::int64_t seen = std::max({before, row.time, first_run_});
    const std::int64_t ends = row.ends.value_or(kHighest);
    const auto live = live_.find(row.key);
    const bool newest = live == live_.end() || row.time >= live->second.time;
    if (row.tombstone) {
      emitted.push_back("tombstone " + row.Text());
      if (newest) live_.erase(row.key);
    } else if (ends > seen) {
      emitted.push_back(row.Text());
      if (newest) live_[row.key] = {row.time, ends};
    } else if (live != live_.end() && newest) {
      emitted.push_back(EndOf(row.key));
      live_.erase(live);
    } else {
      late.push_back(row.Text() + " late_by=" + std::to_string(seen - ends));
    }
  }

  void End() {
    std::set<std::pair<std::int64_t, std::int64_t>> over;
    for (const auto& [key, row] : live_) {
      if (row.ends <= watermark_) over.emplace(row.ends, key);
    }
    for (const auto& [ends, key] : over) {
      emitted.push_back(EndOf(key));
      live_.erase(key);
    }
  }

  std::vector<std::string> emitted, late;

 private:
  struct Live {
    std::int64_t time, ends;
  };
  const std::int64_t first_run_;
  std::map<std::int64_t, Live> live_;
  std::int64_t watermark_ = kLowest;
};

/// Rows some milliseconds to some minutes apart whose ends are up to days ahead.
std::vector<Row> RandomRows(std::mt19937_64& random, std::size_t n) {
  const std::int64_t pace = std::array{3, 900, 40'000, 400'000}[random() % 4];
  const auto up_to = [&](std::int64_t most) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most));
  };
  std::vector<Row> rows;
  std::int64_t now = -100 * pace;
  for (std::size_t i = 0; i < n; ++i) {
    now += up_to(pace);
    Row row{.key = up_to(12), .time = now, .ends = {}};
    if (up_to(4) == 0) row.time -= up_to(20 * pace);
    const std::int64_t reach =
        std::array<std::int64_t, 4>{5, 40 * pace, 1'500'000, 300'000'000}[random() % 4];
    if (up_to(8) != 0) row.ends = row.time + up_to(reach) - (up_to(6) == 0 ? 10 * pace : -1);
    row.tombstone = up_to(15) == 0;
    rows.push_back(row);
  }
  return rows;
}

class ExpireOracle : public testing::TestWithParam<std::uint64_t> {};

TEST_P(ExpireOracle, PassesAndEndsByTheDefinition) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  std::mt19937_64 random(GetParam());
  const std::vector<Row> rows = RandomRows(random, 600);
  std::optional<std::int64_t> first_run;
  if (random() % 2 == 0) first_run = rows[random() % rows.size()].time;
  Definition expected(first_run);
  for (const Row& row : rows) expected.Add(row);
  expected.End();

  ExpireRun run(random() % 2 == 0 ? 4 : 1'000'000);
  if (first_run) run.step->SetFirstRun(EventTime(*first_run));
  std::size_t at = 0, committed_at = 0;
  CollectedOutput committed;
  auto committed_feed = std::make_unique<RowFeed>(*run.feed);
  while (at < rows.size()) {
    const std::size_t n = std::min<std::size_t>(rows.size() - at, 1 + random() % 40);
    run.Run(std::span(rows).subspan(at, n));
    at += n;
    const std::uint64_t choice = random() % 4;
    if (choice == 0) {
      run.Commit();
      committed = run.output;
      committed_at = at;
      committed_feed = std::make_unique<RowFeed>(*run.feed);
    } else if (choice == 1) {
      ASSERT_TRUE(run.store->Rollback().ok());
      run.output = committed;
      at = committed_at;
      run.feed = std::make_unique<RowFeed>(*committed_feed);
      run.step->RestoreTime(run.feed->watermark());
    }
  }
  EXPECT_EQ(run.output.emitted, expected.emitted);
  EXPECT_EQ(run.output.late, expected.late);
  EXPECT_THAT(run.output.dead_letters, ElementsAre());
}

INSTANTIATE_TEST_SUITE_P(Seeds, ExpireOracle, testing::Range<std::uint64_t>(1, 81));

TEST(Expire, StateOfKeysThatEndedIsGone) {
  ExpireRun run;
  std::int64_t most = 0;
  for (std::int64_t t = -5'000; t < 5'000; ++t) {
    run.Run({.key = t, .time = t, .ends = t + 10});
    most = std::max(most, run.store->num_rows());
  }
  EXPECT_EQ(run.output.emitted.size(), 19'990U) << "all rows, and the end of all but those of the last 10 ms";
  EXPECT_LE(most, 10 + 1'010) << "a row for 10 ms, and the entries of one second that is not over";
  EXPECT_EQ(run.output.batches.back().origin.partition, (TopicPartition{"in", Partition(3)}))
      << "what ended comes from where the task reads";
  run.AdvanceTo(Watermark(6'000));
  EXPECT_EQ(run.store->num_rows(), 0);
}

TEST(Expire, AKeyOfADayCostsAFewEntriesHoweverOftenTheWatermarkMoves) {
  constexpr std::int64_t kDay = 86'400'000;
  ExpireRun run;
  std::vector<Row> rows;
  for (std::int64_t key = 0; key < 1'000; ++key)
    rows.push_back({.key = key, .time = 0, .ends = kDay + 60'000 + key});
  run.Run(rows);
  std::int64_t entries = run.Commit();
  EXPECT_EQ(entries, 2'000) << "a row and an entry of the schedule";
  for (std::int64_t minute = 1; minute <= 1'442; ++minute) {
    run.AdvanceTo(Watermark(minute * 60'000));
    entries += run.Commit();
  }
  EXPECT_EQ(run.output.emitted.size(), 2'000U);
  EXPECT_EQ(run.store->num_rows(), 0);
  EXPECT_LE(entries, 6'000) << "it moves once, and a tombstone for each entry and the row";
}

TEST(Expire, ARowWithoutAnEndCostsItsRowOnly) {
  ExpireRun run;
  run.Run({.key = 1, .time = 0, .ends = {}});
  run.AdvanceTo(Watermark(kHighest - 1));
  EXPECT_EQ(run.store->num_rows(), 1);
  EXPECT_EQ(run.output.emitted.size(), 1U);
}

TEST(Expire, EndsAtTheLimitsOfTimeAreJudged) {
  ExpireRun run;
  run.Run({.key = 1, .time = kLowest, .ends = kLowest + 1});
  run.Run({.key = 2, .time = kLowest, .ends = kLowest});
  run.Run({.key = 3, .time = 0, .ends = kHighest - 1});
  run.Run({.key = 4, .time = kHighest - 1, .ends = kHighest - 1});
  EXPECT_THAT(run.output.emitted, ElementsAre("k=1 t=-9223372036854775808 x=-9223372036854775807",
                                              "k=3 t=0 x=9223372036854775806", EndOf(1), EndOf(3)));
  EXPECT_EQ(run.output.late.size(), 2U);
}

TEST(Expire, ARunOfEndsLeavesInBatchesOfBoundedSize) {
  ExpireRun run;
  std::vector<Row> rows;
  const auto n = static_cast<std::int64_t>(ExpirySchedule::kMostAtOnce) + 100;
  for (std::int64_t key = 0; key < n; ++key) rows.push_back({.key = key, .time = 0, .ends = 10});
  run.Run(rows);
  run.output.batches.clear();
  run.AdvanceTo(Watermark(10));
  ASSERT_EQ(run.output.batches.size(), 2U);
  EXPECT_EQ(run.output.batches[1].num_rows(), 100);
  EXPECT_EQ(run.output.emitted.back(), EndOf(n - 1)) << "in the order of keys";
}

TEST(Expire, EndsAreJudgedBehindItByTheirOwnTime) {
  ExpireRun run;
  const std::vector<Row> rows = {{.key = 1, .time = 0, .ends = 10}, {.key = 2, .time = 0, .ends = 2'500}};
  run.Run(rows);
  run.output.batches.clear();
  run.AdvanceTo(Watermark(1'000'000));
  ASSERT_EQ(run.output.batches.size(), 2U);
  for (const Batch& batch : run.output.batches) {
    ASSERT_NE(batch.watermark_before, nullptr) << "where the watermark stopped depends on batches";
    EXPECT_TRUE(batch.watermark_before->Equals(*batch.event_time));
    EXPECT_EQ(batch.block, nullptr);
  }
}

TEST(Expire, ARowThatIsOverKeepsItsRecordAsATombstone) {
  ExpireRun run;
  const std::vector<Row> rows = {{.key = 1, .time = 0, .ends = 10}, {.key = 1, .time = 1, .ends = 1}};
  run.Run(rows);
  EXPECT_THAT(run.output.emitted, ElementsAre(rows[0].Text(), EndOf(1)));
  ASSERT_EQ(run.output.batches.size(), 1U);
  EXPECT_EQ(run.output.batches[0].OffsetOf(1), Offset(1));
  EXPECT_EQ(run.output.batches[0].event_time->Value(1), 1);
}

/// The rows that a table shows, as its answers to questions and its dumps are made.
std::vector<std::string> Shown(StateStore& store, const LatestOptions& options, const arrow::Schema& schema) {
  const std::string layout = *LatestLayout(options, schema);
  auto rows = StoredRows::Make(layout.substr(layout.find('=') + 1));
  EXPECT_TRUE(rows.ok()) << rows.status().message();
  RowQuery query;
  query.slice = (*rows)->only_slice();
  const auto add = [&](std::int64_t slice, std::string_view key, std::string_view row) {
    return (*rows)->Add(slice, key, row);
  };
  EXPECT_TRUE(store.Select(options.name, query, add).ok());
  std::vector<std::string> shown;
  const auto batch = *(*rows)->Take();
  for (std::int64_t i = 0; i < batch->num_rows(); ++i) {
    shown.push_back((*batch->GetColumnByName("values")->GetScalar(i))->ToString());
  }
  return shown;
}

TEST(Expire, ATableBehindItShowsNoRowThatIsOver) {
  constexpr std::int64_t kDay = 86'400'000;
  ExpireRun run;
  ScratchStore tables;
  const LatestOptions options{.name = "l", .by = {"k"}};
  const auto table = *MakeLatest(options, run.feed->schema(), &*tables);
  const auto shown = [&]() {
    CollectedOutput output;
    for (const Batch& batch : std::exchange(run.output.batches, {})) {
      EXPECT_TRUE(table->Process(batch, output).ok());
    }
    EXPECT_TRUE(tables->CollectDirty([](const ChangelogEntry&) { return Status::Ok(); }).ok());
    EXPECT_TRUE(tables->CommitDirty({}).ok());
    return Shown(*tables, options, *run.feed->schema());
  };
  const std::vector<Row> rows = {{.key = 1, .time = 0, .ends = kDay}, {.key = 2, .time = 5, .ends = {}}};
  const std::string first = "{k:int64 = 1, t:int64 = 0, x:int64 = 86400000}";
  const std::string second = "{k:int64 = 2, t:int64 = 5, x:int64 = null}";
  run.Run(rows);
  EXPECT_THAT(shown(), ElementsAre(first, second));
  run.AdvanceTo(Watermark(kDay - 1'000));
  EXPECT_THAT(shown(), ElementsAre(first, second)) << "23:59:59";
  run.AdvanceTo(Watermark(kDay - 1));
  EXPECT_THAT(shown(), ElementsAre(first, second));
  run.AdvanceTo(Watermark(kDay));
  EXPECT_THAT(shown(), ElementsAre(second)) << "24:00:00";
  run.Run({.key = 2, .time = kDay, .ends = {}});
  run.Run(rows[0]);
  EXPECT_EQ(run.output.late.size(), 1U);
  EXPECT_THAT(shown(), ElementsAre("{k:int64 = 2, t:int64 = 86400000, x:int64 = null}"));
}

TEST(Expire, OptionsThatCannotWorkAreRefused) {
  const RowFeed feed("k: int64; t: int64; l: list<int64>");
  const auto message = [&](std::vector<std::string> by, const char* at) {
    const auto made = MakeExpire({.name = "e", .by = std::move(by)},
                                 *BoundExpr::Bind(*ParseExpr(at), feed.schema()), feed.schema(), nullptr);
    return made.ok() ? "" : made.status().message();
  };
  EXPECT_EQ(message({"k"}, "to_timestamp(t)"), "");
  EXPECT_THAT(message({}, "to_timestamp(t)"), HasSubstr("'by' is empty"));
  EXPECT_THAT(message({"kk"}, "to_timestamp(t)"), HasSubstr("did you mean"));
  EXPECT_THAT(message({"l"}, "to_timestamp(t)"), HasSubstr("cannot be grouped by"));
  EXPECT_THAT(message({"k"}, "t"), HasSubstr("'at' must be a timestamp, this one is int64"));
}

TEST(RowEnds, AreTheFirstMillisecondAtOrAfterATimeOfAnyUnit) {
  using arrow::TimeUnit;
  struct Case {
    TimeUnit::type unit;
    std::int64_t time, ends_ms;
  };
  for (const Case& c : {Case{TimeUnit::SECOND, 2, 2'000}, Case{TimeUnit::SECOND, kHighest, kHighest},
                        Case{TimeUnit::SECOND, kLowest, kLowest}, Case{TimeUnit::MILLI, -7, -7},
                        Case{TimeUnit::MICRO, 2'000, 2}, Case{TimeUnit::MICRO, 2'001, 3},
                        Case{TimeUnit::MICRO, -2'001, -2}, Case{TimeUnit::NANO, 1, 1},
                        Case{TimeUnit::NANO, -999'999, 0}, Case{TimeUnit::NANO, -1'000'000, -1}}) {
    SCOPED_TRACE(std::to_string(c.time) + " of unit " + std::to_string(c.unit));
    arrow::TimestampBuilder times(arrow::timestamp(c.unit), arrow::default_memory_pool());
    ASSERT_TRUE(times.Append(c.time).ok() && times.AppendNull().ok() && times.Append(c.time).ok());
    arrow::BooleanBuilder tombstones;
    ASSERT_TRUE(tombstones.AppendValues(std::vector<bool>{false, false, true}).ok());
    std::shared_ptr<arrow::BooleanArray> tombstone;
    ASSERT_TRUE(tombstones.Finish(&tombstone).ok());
    std::vector<std::int64_t> ends_ms;
    RowEnds(**times.Finish(), tombstone.get(), &ends_ms);
    EXPECT_THAT(ends_ms, ElementsAre(c.ends_ms, ExpirySchedule::kNever, ExpirySchedule::kNever));
  }
}

}  // namespace
}  // namespace millrace
