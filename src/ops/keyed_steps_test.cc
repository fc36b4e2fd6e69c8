// Steps that keep something per key without a window: random rows, cut into batches at random, with
// checkpoints, lost checkpoints and evictions between them, against row-at-a-time definitions. Every failure
// prints its seed.

#include <cstdlib>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <stdexcept>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expr/expr.h"
#include "ops/changes.h"
#include "ops/deduplicate.h"
#include "ops/latest.h"
#include "ops/map.h"
#include "ops/ops_harness.h"
#include "ops/row_bytes.h"
#include "ops/running.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Row {
  std::int64_t time;
  std::int64_t key;
  std::optional<std::int64_t> v;

  std::string Text() const {
    return "k=" + std::to_string(key) + " t=" + std::to_string(time) +
           " v=" + (v ? std::to_string(*v) : "null");
  }
};

std::vector<Row> RandomRows(std::mt19937_64& random, std::size_t n) {
  std::vector<Row> rows;
  std::int64_t now = -300;
  for (std::size_t i = 0; i < n; ++i) {
    now += static_cast<std::int64_t>(random() % 5);
    const std::int64_t back = random() % 4 == 0 ? static_cast<std::int64_t>(random() % 90) : 0;
    rows.push_back({.time = now - back,
                    .key = static_cast<std::int64_t>(random() % 12),
                    .v = std::optional(static_cast<std::int64_t>(random() % 3))});
    if (random() % 7 == 0) rows.back().v.reset();
  }
  return rows;
}

/// What came out, in order.
struct Results {
  std::vector<std::string> emitted, late, dead;
  friend bool operator==(const Results&, const Results&) = default;
};

using MakeStep = std::function<Result<std::unique_ptr<Operator>>(const RowFeed&, StateStore&)>;

/// Runs rows through a step. Between batches it commits, or loses what was not committed and reads it again.
Results RunInPieces(const std::vector<Row>& rows, const MakeStep& make, std::mt19937_64& random) {
  ScratchStore store;
  store.max_rows_in_memory = random() % 2 == 0 ? 4 : 1'000'000;
  store.Reopen();
  Results results, committed;
  std::size_t at = 0, committed_at = 0;
  auto feed = std::make_unique<RowFeed>("k: int64; t: int64; v: int64");
  std::unique_ptr<RowFeed> committed_feed = std::make_unique<RowFeed>(*feed);
  auto step = *make(*feed, *store);
  while (at < rows.size()) {
    const std::size_t n = std::min<std::size_t>(rows.size() - at, 1 + random() % 40);
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < n; ++i) texts.push_back(rows[at++].Text());
    CollectedOutput output;
    Status status = step->Process(feed->Make(texts), output);
    EXPECT_TRUE(status.ok()) << status.ToString();
    status = step->AdvanceTime(feed->watermark(), output);
    EXPECT_TRUE(status.ok()) << status.ToString();
    for (std::string& row : output.emitted) results.emitted.push_back(std::move(row));
    for (std::string& row : output.late) results.late.push_back(std::move(row));
    for (std::string& row : output.dead_letters) results.dead.push_back(std::move(row));
    const std::uint64_t choice = random() % 4;
    if (choice == 0) {
      EXPECT_TRUE(store->CollectDirty([](const ChangelogEntry&) { return Status::Ok(); }).ok());
      EXPECT_TRUE(store->CommitDirty({}).ok());
      committed = results;
      committed_at = at;
      committed_feed = std::make_unique<RowFeed>(*feed);
    } else if (choice == 1) {
      EXPECT_TRUE(store->Rollback().ok());
      results = committed;
      at = committed_at;
      feed = std::make_unique<RowFeed>(*committed_feed);
    }
  }
  return results;
}

void ExpectInPieces(const Results& expected, const std::vector<Row>& rows, const MakeStep& make,
                    std::mt19937_64& random) {
  const Results found = RunInPieces(rows, make, random);
  EXPECT_EQ(found.emitted, expected.emitted);
  EXPECT_EQ(found.late, expected.late);
  EXPECT_EQ(found.dead, expected.dead);
}

class KeyedStepsOracle : public testing::TestWithParam<std::uint64_t> {};

TEST_P(KeyedStepsOracle, DeduplicateLetsPassWhatTheDefinitionLetsPass) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  std::mt19937_64 random(GetParam());
  const std::vector<Row> rows = RandomRows(random, 600);
  const auto within = static_cast<std::int64_t>(1 + random() % 60);
  Results expected;
  std::multimap<std::int64_t, std::int64_t> passed;
  std::int64_t watermark = std::numeric_limits<std::int64_t>::min();
  for (const Row& row : rows) {
    const std::int64_t before = watermark;
    watermark = std::max(watermark, row.time);
    if (row.time + within <= before) {
      expected.late.push_back(row.Text() + " late_by=" + std::to_string(before - row.time - within));
      continue;
    }
    const auto [first, last] = passed.equal_range(row.key);
    if (std::any_of(first, last, [&](const auto& p) { return std::abs(p.second - row.time) < within; }))
      continue;
    passed.emplace(row.key, row.time);
    expected.emitted.push_back(row.Text());
  }
  const MakeStep make = [&](const RowFeed& feed, StateStore& store) {
    return MakeDeduplicate({.name = "d", .by = {"k"}, .within = Duration(within)}, feed.schema(), &store);
  };
  ExpectInPieces(expected, rows, make, random);
}

/// Of a step with or without a time to live: which rows are late, and before which their key has ended.
struct Lives {
  explicit Lives(std::mt19937_64& random) {
    if (random() % 3 != 0) ttl = Duration(static_cast<std::int64_t>(1 + random() % 120));
  }
  /// False when the row is late. Calls `end` when its key has ended.
  bool See(const Row& row, const std::function<void()>& end, Results* results) {
    const std::int64_t before = watermark;
    watermark = std::max(watermark, row.time);
    if (!ttl) return true;
    if (row.time + ttl->count() <= before) {
      results->late.push_back(row.Text() + " late_by=" + std::to_string(before - row.time - ttl->count()));
      return false;
    }
    const auto [at, is_new] = latest.try_emplace(row.key, row.time);
    if (!is_new && at->second + ttl->count() <= before) end();
    at->second = std::max(at->second, row.time);
    return true;
  }

  std::optional<Duration> ttl;
  std::int64_t watermark = std::numeric_limits<std::int64_t>::min();
  std::map<std::int64_t, std::int64_t> latest;  // key: time
};

TEST_P(KeyedStepsOracle, ChangesLetsPassWhatTheDefinitionLetsPass) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  std::mt19937_64 random(GetParam());
  const std::vector<Row> rows = RandomRows(random, 600);
  Lives lives(random);
  Results expected;
  std::map<std::int64_t, std::optional<std::int64_t>> last;
  for (const Row& row : rows) {
    if (!lives.See(
            row, [&] { last.erase(row.key); }, &expected))
      continue;
    const auto [at, is_new] = last.try_emplace(row.key, row.v);
    if (!is_new && at->second == row.v) continue;
    at->second = row.v;
    expected.emitted.push_back(row.Text());
  }
  const MakeStep make = [&](const RowFeed& feed, StateStore& store) {
    return MakeChanges({.name = "c", .by = {"k"}, .columns = {"v"}, .ttl = lives.ttl}, feed.schema(), &store);
  };
  ExpectInPieces(expected, rows, make, random);
}

TEST_P(KeyedStepsOracle, LatestPassesAndExpiresByTheDefinition) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  std::mt19937_64 random(GetParam());
  const std::vector<Row> rows = RandomRows(random, 600);
  const bool expires = random() % 3 != 0;
  const auto ttl = static_cast<std::int64_t>(1 + random() % 120);
  Results expected;
  std::map<std::int64_t, std::int64_t> latest;  // key: time
  std::int64_t watermark = std::numeric_limits<std::int64_t>::min();
  const auto expire = [&] {
    std::set<std::pair<std::int64_t, std::int64_t>> over;
    for (const auto& [key, time] : latest) {
      if (expires && time + ttl <= watermark) over.emplace(time, key);
    }
    for (const auto& [time, key] : over) {
      expected.emitted.push_back("tombstone k=" + std::to_string(key) + " t=null v=null");
      latest.erase(key);
    }
  };
  for (const Row& row : rows) {
    expire();
    const std::int64_t before = watermark;
    watermark = std::max(watermark, row.time);
    if (expires && row.time + ttl <= before) {
      expected.late.push_back(row.Text() + " late_by=" + std::to_string(before - row.time - ttl));
      continue;
    }
    const auto at = latest.find(row.key);
    if (at != latest.end() && row.time < at->second) continue;
    latest[row.key] = row.time;
    expected.emitted.push_back(row.Text());
  }
  expire();
  const MakeStep make = [&](const RowFeed& feed, StateStore& store) {
    LatestOptions options{.name = "l", .by = {"k"}};
    if (expires) options.ttl = Duration(ttl);
    return MakeLatest(std::move(options), feed.schema(), &store);
  };
  ExpectInPieces(expected, rows, make, random);
}

/// Counts the rows of each key; a row with v = 2 makes its key forgotten.
std::shared_ptr<arrow::RecordBatch> CountRows(const std::shared_ptr<arrow::RecordBatch>& rows,
                                              KeyedState& state) {
  const auto& v = static_cast<const arrow::Int64Array&>(*rows->GetColumnByName("v"));
  arrow::Int64Builder counts;
  for (std::int64_t row = 0; row < rows->num_rows(); ++row) {
    const std::int64_t n = state.GetValue<std::int64_t>(row).value_or(0) + 1;
    if (v.IsValid(row) && v.Value(row) == 2) {
      state.Delete(row);
    } else {
      state.PutValue(row, n);
    }
    EXPECT_TRUE(counts.Append(n).ok());
  }
  const auto schema = arrow::schema({rows->schema()->field(0), arrow::field("n", arrow::int64())});
  return arrow::RecordBatch::Make(schema, rows->num_rows(), {rows->column(0), *counts.Finish()});
}

TEST_P(KeyedStepsOracle, MapKeepsAValuePerKeyUntilItExpires) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  std::mt19937_64 random(GetParam());
  const std::vector<Row> rows = RandomRows(random, 600);
  const bool expires = random() % 3 != 0;
  const auto ttl = static_cast<std::int64_t>(1 + random() % 60);
  struct Value {
    std::int64_t n, time;
  };
  Results expected;
  std::map<std::int64_t, Value> values;
  std::int64_t watermark = std::numeric_limits<std::int64_t>::min();
  for (const Row& row : rows) {
    const auto at = values.find(row.key);
    if (at != values.end() && expires && at->second.time + ttl <= watermark) values.erase(at);
    watermark = std::max(watermark, row.time);
    const std::int64_t n = values.contains(row.key) ? values[row.key].n + 1 : 1;
    expected.emitted.push_back("k=" + std::to_string(row.key) + " n=" + std::to_string(n));
    values[row.key] = {n, row.time};
    if (row.v == 2) values.erase(row.key);
  }
  const MakeStep make = [&](const RowFeed& feed, StateStore& store) {
    MapOptions options{.name = "m", .by = {"k"}};
    if (expires) options.ttl = Duration(ttl);
    options.columns = arrow::schema({feed.schema()->field(0), arrow::field("n", arrow::int64())});
    options.function = CountRows;
    return MakeMap(std::move(options), feed.schema(), &store);
  };
  ExpectInPieces(expected, rows, make, random);
}

/// What a key has seen, for RunningCountsEveryRowOfItsKey.
struct Seen {
  std::int64_t rows = 0, values = 0, sum = 0, low = 0, last = 0, last_time = 0;
  std::set<std::int64_t> distinct;

  void Add(const Row& row) {
    ++rows;
    if (!row.v) return;
    low = values == 0 ? *row.v : std::min(low, *row.v);
    if (values == 0 || row.time >= last_time) {
      last = *row.v;
      last_time = row.time;
    }
    ++values;
    sum += *row.v;
    distinct.insert(*row.v);
  }
  std::string Text(std::int64_t key) const {
    const auto or_null = [this](std::int64_t value) { return values > 0 ? std::to_string(value) : "null"; };
    return "k=" + std::to_string(key) + " n=" + std::to_string(rows) + " s=" + or_null(sum) +
           " lo=" + or_null(low) + " l=" + or_null(last) + " d=" + std::to_string(distinct.size());
  }
};

TEST_P(KeyedStepsOracle, RunningCountsEveryRowOfItsKey) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  std::mt19937_64 random(GetParam());
  std::vector<Row> rows = RandomRows(random, 600);
  const bool overflows = random() % 3 == 0;
  for (Row& row : rows) {
    if (row.v && overflows) row.v = (*row.v - 1) * 4'000'000'000'000'000'000;
  }
  Lives lives(random);
  Results expected;
  std::map<std::int64_t, Seen> seen;
  for (const Row& row : rows) {
    if (!lives.See(
            row, [&] { seen.erase(row.key); }, &expected))
      continue;
    std::int64_t sum;
    if (__builtin_add_overflow(seen[row.key].sum, row.v.value_or(0), &sum)) {
      expected.dead.push_back(row.Text() +
                              " class=overflow: sum(v) overflows int64; cast the argument to double");
      continue;
    }
    seen[row.key].Add(row);
    expected.emitted.push_back(seen[row.key].Text(row.key));
  }
  EXPECT_TRUE(lives.ttl || expected.dead.empty() != overflows);
  const MakeStep make = [&](const RowFeed& feed, StateStore& store) {
    const auto aggregates = BindAggregates(
        {{"n", "count()"}, {"s", "sum(v)"}, {"lo", "min(v)"}, {"l", "last(v)"}, {"d", "count_distinct(v)"}},
        feed.schema());
    return MakeRunning({.name = "r", .by = {"k"}, .aggregates = aggregates, .ttl = lives.ttl}, feed.schema(),
                       &store);
  };
  ExpectInPieces(expected, rows, make, random);
}

INSTANTIATE_TEST_SUITE_P(Seeds, KeyedStepsOracle, testing::Range<std::uint64_t>(1, 41));

TEST(Deduplicate, StateIsDroppedBySlicesBehindTheWatermark) {
  RowFeed feed("k: int64; t: int64");
  ScratchStore store;
  const auto step =
      *MakeDeduplicate({.name = "d", .by = {"k"}, .within = Duration(10)}, feed.schema(), &*store);
  CollectedOutput output;
  std::int64_t most = 0;
  for (std::int64_t t = -1000; t < 1000; ++t) {
    ASSERT_TRUE(
        step->Process(feed.Make({"k=" + std::to_string(t) + " t=" + std::to_string(t)}), output).ok());
    ASSERT_TRUE(step->AdvanceTime(feed.watermark(), output).ok());
    most = std::max(most, store->num_rows());
  }
  EXPECT_EQ(output.emitted.size(), 2000U);
  EXPECT_LE(most, 30) << "one row per ms, at most three spans of 10 ms";
  ASSERT_TRUE(step->AdvanceTime(kEndOfTime, output).ok());
  EXPECT_EQ(store->num_rows(), 0);
}

TEST(Deduplicate, TimesAtTheEndsOfTheRangeAreJudged) {
  RowFeed feed("k: int64; t: int64");
  ScratchStore store;
  const auto step =
      *MakeDeduplicate({.name = "d", .by = {"k"}, .within = Duration(10)}, feed.schema(), &*store);
  CollectedOutput output;
  const std::string lowest = "k=1 t=" + std::to_string(std::numeric_limits<std::int64_t>::min());
  const std::string highest = "k=1 t=" + std::to_string(std::numeric_limits<std::int64_t>::max());
  ASSERT_TRUE(step->Process(feed.Make({lowest, lowest, highest, highest}), output).ok());
  EXPECT_THAT(output.emitted, ElementsAre(lowest, highest));
  EXPECT_EQ(output.absorbed, 1);
  EXPECT_THAT(output.late, ElementsAre(highest + " late_by=0")) << "no watermark can be past the end of time";
}

TEST(Deduplicate, RepeatsAreNotWrittenAtACheckpoint) {
  RowFeed feed("k: int64; t: int64");
  ScratchStore store;
  const auto step =
      *MakeDeduplicate({.name = "d", .by = {"k"}, .within = Duration(100)}, feed.schema(), &*store);
  CollectedOutput output;
  ASSERT_TRUE(step->Process(feed.Make({"k=1 t=1", "k=2 t=2"}), output).ok());
  ASSERT_TRUE(store->CollectDirty([](const ChangelogEntry&) { return Status::Ok(); }).ok());
  ASSERT_TRUE(store->CommitDirty({}).ok());
  ASSERT_TRUE(step->Process(feed.Make({"k=1 t=3", "k=2 t=4", "k=3 t=5"}), output).ok());
  EXPECT_EQ(store->dirty_rows(), 1);
  EXPECT_EQ(output.absorbed, 2);
}

TEST(Changes, OnlyKeysThatChangedAreWrittenAtACheckpoint) {
  RowFeed feed("k: int64; t: int64; v: double");
  ScratchStore store;
  const auto step = *MakeChanges({.name = "c", .by = {"k"}, .columns = {"v"}}, feed.schema(), &*store);
  CollectedOutput output;
  ASSERT_TRUE(step->Process(feed.Make({"k=1 t=1 v=0.5", "k=2 t=2 v=null"}), output).ok());
  ASSERT_TRUE(store->CollectDirty([](const ChangelogEntry&) { return Status::Ok(); }).ok());
  ASSERT_TRUE(store->CommitDirty({}).ok());
  ASSERT_TRUE(step->Process(feed.Make({"k=1 t=3 v=0.5", "k=2 t=4 v=null", "k=1 t=5 v=0.25"}), output).ok());
  EXPECT_EQ(store->dirty_rows(), 1);
  EXPECT_EQ(output.absorbed, 2);
}

TEST(Running, ARowAfterWhichAnAggregateHoldsTooMuchIsADeadLetterAndTheOthersGoOn) {
  RowFeed feed("k: int64; t: int64");
  ScratchStore store;
  const auto aggregates = BindAggregates({{"d", "count_distinct(t)"}, {"n", "count()"}}, feed.schema());
  const auto step =
      *MakeRunning({.name = "r", .by = {"k"}, .aggregates = aggregates}, feed.schema(), &*store);
  CollectedOutput output;
  constexpr int kMostDistinct = 65'536;
  std::vector<std::string> rows;
  for (int i = 1; i < kMostDistinct; ++i) rows.push_back("k=1 t=" + std::to_string(i));
  ASSERT_TRUE(step->Process(feed.Make(rows), output).ok());
  EXPECT_EQ(output.Take().size(), rows.size());
  ASSERT_TRUE(step->Process(feed.Make({"k=1 t=-5", "k=1 t=-6", "k=2 t=7", "k=1 t=1"}), output).ok());
  EXPECT_THAT(output.emitted, ElementsAre("k=1 d=65536 n=65536", "k=2 d=1 n=1"));
  EXPECT_THAT(output.dead_letters,
              ElementsAre(HasSubstr("k=1 t=-6 class=overflow: count_distinct(t) has more than"),
                          HasSubstr("k=1 t=1 class=overflow")));
}

TEST(Latest, StateOfExpiredKeysIsGone) {
  RowFeed feed("k: int64; t: int64");
  ScratchStore store;
  const auto step =
      *MakeLatest({.name = "l", .by = {"k"}, .ttl = Duration(10), .origin = {"in", Partition(3)}},
                  feed.schema(), &*store);
  CollectedOutput output;
  std::int64_t most = 0;
  for (std::int64_t t = -500; t < 500; ++t) {
    ASSERT_TRUE(
        step->Process(feed.Make({"k=" + std::to_string(t) + " t=" + std::to_string(t)}), output).ok());
    ASSERT_TRUE(step->AdvanceTime(feed.watermark(), output).ok());
    most = std::max(most, store->num_rows());
  }
  EXPECT_EQ(output.emitted.size(), 1990U) << "all rows, and the end of all but those of the last 10 ms";
  EXPECT_EQ(most, 20) << "a row and an entry for its expiry, for 10 ms";
  EXPECT_EQ(output.batches.back().origin.partition, (TopicPartition{"in", Partition(3)}))
      << "a row that expired comes from where the task reads";
  ASSERT_TRUE(step->AdvanceTime(kEndOfTime, output).ok());
  EXPECT_EQ(store->num_rows(), 0);
}

TEST(RowBytes, ReadBackWhatWasWritten) {
  RowFeed feed("a: int64; s: string; l: list<int64>; o: struct<x: string, y: double>; b: bool; d: double");
  const Batch batch = feed.Make(
      {R"(a=1 s="x y" l=[1, 2] o={"x": "q", "y": 0.5} b=true d=1.5)", "a=null", "a=-7 s=\"\" l=[] d=0"});
  RowBytes bytes(feed.schema());
  ASSERT_TRUE(bytes.Start(batch.data).ok());
  std::vector<std::string> rows(3);
  for (std::size_t i = 0; i < rows.size(); ++i) bytes.Append(static_cast<std::int64_t>(i), &rows[i]);
  const std::vector<std::string_view> views(rows.begin(), rows.end());
  const auto read = bytes.Decode(views);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_TRUE((*read)->Equals(*batch.data)) << (*read)->ToString();
  EXPECT_FALSE(bytes.Decode(std::vector<std::string_view>{"short"}).ok());
}

TEST(KeyedSteps, OptionsThatCannotWorkAreRefused) {
  const RowFeed feed("k: int64; t: int64; l: list<int64>");
  const auto message = [](const auto& made) { return made.ok() ? "" : made.status().message(); };
  EXPECT_THAT(message(MakeDeduplicate({.name = "d", .by = {"k"}}, feed.schema(), nullptr)),
              HasSubstr("'within'"));
  EXPECT_THAT(
      message(MakeDeduplicate({.name = "d", .by = {}, .within = Duration(1)}, feed.schema(), nullptr)),
      HasSubstr("'by' is empty"));
  EXPECT_THAT(message(MakeChanges({.name = "c", .by = {"k"}, .columns = {"l"}}, feed.schema(), nullptr)),
              HasSubstr("cannot be compared"));
  EXPECT_THAT(message(MakeChanges({.name = "c", .by = {"k"}, .columns = {"tt"}}, feed.schema(), nullptr)),
              HasSubstr("did you mean"));
  EXPECT_THAT(message(MakeRunning({.name = "r", .by = {}, .aggregates = {}}, feed.schema(), nullptr)),
              HasSubstr("'by' is empty"));
}

}  // namespace
}  // namespace millrace
