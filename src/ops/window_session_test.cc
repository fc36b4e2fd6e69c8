// Session and count windows: random rows, cut into batches at random, with commits, rollbacks and reopened
// stores, against windows computed from the list of rows. Every failure prints its seed.

#include <map>
#include <random>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ops/ops_harness.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();

struct Row {
  std::int64_t time = 0;
  std::string key;
  std::int64_t v = 0;
  double d = 0;

  std::string Text() const {
    return "k=" + key + " t=" + std::to_string(time) + " v=" + std::to_string(v) + " d=" + std::to_string(d);
  }
};

std::vector<Row> RandomRows(std::mt19937_64& random, std::size_t n) {
  std::vector<Row> rows;
  std::int64_t now = -300;
  for (std::size_t i = 0; i < n; ++i) {
    now += static_cast<std::int64_t>(random() % 8);
    Row row;
    row.time = now - (random() % 3 == 0 ? static_cast<std::int64_t>(random() % 60) : 0);
    row.key = std::string(1, static_cast<char>('a' + random() % 5));
    row.v = static_cast<std::int64_t>(random() % 1000) - 500;
    row.d = std::ldexp(static_cast<double>(random() % 1000), static_cast<int>(random() % 40));
    rows.push_back(std::move(row));
  }
  return rows;
}

struct Expected {
  std::vector<std::string> results, late;
};

std::string ResultOf(const std::string& key, std::int64_t start, std::int64_t end,
                     const std::vector<Row>& rows) {
  std::int64_t sum = 0;
  for (const Row& row : rows) sum += row.v;
  return "k=" + key + " window_start=" + std::to_string(start) + " window_end=" + std::to_string(end) +
         " n=" + std::to_string(rows.size()) + " s=" + std::to_string(sum);
}

struct Session {
  std::vector<Row> rows;
  std::int64_t first() const {
    std::int64_t time = rows[0].time;
    for (const Row& row : rows) time = std::min(time, row.time);
    return time;
  }
  std::int64_t last() const {
    std::int64_t time = rows[0].time;
    for (const Row& row : rows) time = std::max(time, row.time);
    return time;
  }
};

Expected Sessions(std::int64_t gap, std::int64_t grace, const std::vector<Row>& rows) {
  Expected expected;
  std::map<std::string, std::vector<Session>> keys;
  std::int64_t watermark = kLowest;
  for (const Row& row : rows) {
    const std::int64_t before = watermark;
    watermark = std::max(watermark, row.time);
    const auto closed = [&](std::int64_t last) { return before != kLowest && last + gap + grace <= before; };
    std::vector<Session>& sessions = keys[row.key];
    Session joined{{row}};
    std::vector<Session> others;
    for (Session& session : sessions) {
      bool reached = false;
      for (const Row& other : session.rows) reached |= std::abs(other.time - row.time) < gap;
      if (!reached || closed(session.last())) {
        others.push_back(std::move(session));
      } else {
        joined.rows.insert(joined.rows.end(), session.rows.begin(), session.rows.end());
      }
    }
    if (joined.rows.size() == 1 && closed(row.time)) {
      expected.late.push_back("late_by=" + std::to_string(before - row.time - gap - grace));
    } else {
      others.push_back(std::move(joined));
    }
    sessions = std::move(others);
  }
  std::multimap<std::pair<std::int64_t, std::string>, std::string> results;
  for (const auto& [key, sessions] : keys) {
    for (const Session& session : sessions) {
      const std::int64_t end = session.last() + gap;
      results.emplace(std::pair(end, key), ResultOf(key, session.first(), end, session.rows));
    }
  }
  for (const auto& [place, text] : results) expected.results.push_back(text);
  return expected;
}

Expected Counts(std::int64_t size, std::int64_t step, const std::vector<Row>& rows) {
  Expected expected;
  std::map<std::string, std::vector<Row>> keys;
  for (const Row& row : rows) {
    std::vector<Row>& all = keys[row.key];
    all.push_back(row);
    const auto n = static_cast<std::int64_t>(all.size());
    if (n < size || (n - size) % step != 0) continue;
    const Session window{{all.end() - size, all.end()}};
    expected.results.push_back(ResultOf(row.key, window.first(), window.last() + 1, window.rows));
  }
  return expected;
}

/// What came out, and the bytes of the sums of doubles.
struct Given {
  Expected text;
  std::string bytes;
};

Given RunRows(const WindowAggregateOptions& options, const std::vector<Row>& rows, std::size_t most,
              bool restarts, std::mt19937_64& random) {
  WindowRun run(options, {{"n", "count()"}, {"s", "sum(v)"}, {"d", "sum(d)"}});
  for (std::size_t first = 0; first < rows.size();) {
    const std::size_t n = std::min(1 + random() % most, rows.size() - first);
    std::vector<std::string> text;
    for (std::size_t i = first; i < first + n; ++i) text.push_back(rows[i].Text());
    const Batch batch = run.feed.Make(text);
    if (restarts && random() % 3 == 0) {
      run.Commit();
      CollectedOutput lost;
      run.Process(batch, run.feed.watermark(), lost);
      run.Rollback(random() % 2 == 0);
    }
    run.Process(batch, run.feed.watermark(), run.output);
    first += n;
  }
  run.Process(run.feed.Make({}), kEndOfTime, run.output);
  if (options.kind == WindowKind::kSession) {
    EXPECT_EQ(run.store->num_rows(), 0);
  }
  EXPECT_EQ(static_cast<std::int64_t>(rows.size()),
            run.output.absorbed + static_cast<std::int64_t>(run.output.late.size()));
  Given given;
  for (const std::string& row : run.output.emitted)
    given.text.results.push_back(row.substr(0, row.find(" d=")));
  for (const std::string& row : run.output.late) given.text.late.push_back(row.substr(row.find("late_by=")));
  for (const Batch& batch : run.output.batches) {
    const auto sums = std::static_pointer_cast<arrow::DoubleArray>(batch.data->GetColumnByName("d"));
    for (std::int64_t i = 0; i < batch.num_rows(); ++i) {
      const double sum = sums->Value(i);
      given.bytes.append(reinterpret_cast<const char*>(&sum), sizeof(sum));
    }
  }
  return given;
}

void ExpectSameHoweverCut(const WindowAggregateOptions& options, const std::vector<Row>& rows,
                          const Expected& expected, std::mt19937_64& random) {
  const Given one_by_one = RunRows(options, rows, 1, false, random);
  EXPECT_EQ(one_by_one.text.results, expected.results);
  EXPECT_EQ(one_by_one.text.late, expected.late);
  struct Cut {
    std::size_t most;
    bool restarts;
  };
  for (const Cut& cut : std::vector<Cut>{{600, false}, {40, false}, {60, true}, {5, true}}) {
    SCOPED_TRACE("batches of up to " + std::to_string(cut.most) + (cut.restarts ? " with restarts" : ""));
    const Given given = RunRows(options, rows, cut.most, cut.restarts, random);
    EXPECT_EQ(given.text.results, one_by_one.text.results);
    EXPECT_EQ(given.text.late, one_by_one.text.late);
    EXPECT_TRUE(given.bytes == one_by_one.bytes) << "sums of doubles differ";
  }
}

// T5 R4 W2 W3 W4
TEST(SessionWindow, AnyCutIntoBatchesGivesWhatTheListOfRowsGives) {
  struct Case {
    std::int64_t gap, grace;
  };
  for (const Case& c : std::vector<Case>{{10, 0}, {10, 25}, {25, 5}, {1, 0}, {40, 200}}) {
    for (const std::uint64_t seed : {1, 2, 3}) {
      SCOPED_TRACE("gap " + std::to_string(c.gap) + " grace " + std::to_string(c.grace) + " seed " +
                   std::to_string(seed));
      std::mt19937_64 random(seed);
      const std::vector<Row> rows = RandomRows(random, 500);
      WindowAggregateOptions options;
      options.kind = WindowKind::kSession;
      options.size = Duration(c.gap);
      options.grace = Duration(c.grace);
      ExpectSameHoweverCut(options, rows, Sessions(c.gap, c.grace, rows), random);
    }
  }
}

// T5 R4 W4
TEST(CountWindow, AnyCutIntoBatchesGivesWhatTheListOfRowsGives) {
  struct Case {
    std::int64_t size, step;
  };
  for (const Case& c : std::vector<Case>{{1, 1}, {3, 3}, {4, 2}, {5, 3}, {7, 1}, {100, 10}}) {
    for (const std::uint64_t seed : {1, 2}) {
      SCOPED_TRACE("size " + std::to_string(c.size) + " step " + std::to_string(c.step) + " seed " +
                   std::to_string(seed));
      std::mt19937_64 random(seed);
      const std::vector<Row> rows = RandomRows(random, 600);
      WindowAggregateOptions options;
      options.kind = WindowKind::kCount;
      options.count = c.size;
      options.count_step = c.step;
      ExpectSameHoweverCut(options, rows, Counts(c.size, c.step, rows), random);
    }
  }
}

// W8
TEST(SessionWindow, RowThatOverflowsIsADeadLetterAndHoldsItsSessionTogether) {
  WindowAggregateOptions options;
  options.kind = WindowKind::kSession;
  options.size = Duration(10);
  WindowRun run(options, {{"s", "sum(v)"}});
  run.Run({"k=a t=1 v=9223372036854775807", "k=a t=8 v=1", "k=a t=15 v=-7"});
  run.Run({"k=b t=100 v=0"});
  EXPECT_THAT(run.output.Take(), ElementsAre("k=a window_start=1 window_end=25 s=9223372036854775800"));
  ASSERT_EQ(run.output.dead_letters.size(), 1U);
  EXPECT_THAT(run.output.dead_letters[0], HasSubstr("sum(v) overflows int64 in the session of 1"));
}

// W3 W8
TEST(SessionWindow, CurrentLeavesOutARefusedRowUnlessItMadeItsSessionLonger) {
  WindowAggregateOptions options;
  options.kind = WindowKind::kSession;
  options.size = Duration(10);
  options.grace = Duration(100);
  options.emit = EmitMode::kCurrent;
  WindowRun run(options, {{"s", "sum(v)"}});
  run.Run({"k=a t=1 v=9223372036854775807", "k=a t=5 v=0", "k=b t=1 v=1", "k=a t=20 v=0"});
  run.output.Take();
  run.Run({"k=a t=2 v=1", "k=b t=2 v=1"});
  EXPECT_THAT(run.output.Take(), testing::ElementsAre("k=b window_start=1 window_end=12 s=2 final=false"));
  run.Run({"k=a t=8 v=1"});
  EXPECT_THAT(run.output.Take(),
              testing::ElementsAre("k=a window_start=1 window_end=18 s=9223372036854775807 final=false"));
  run.Run({"k=a t=12 v=1"});
  EXPECT_THAT(run.output.Take(),
              testing::ElementsAre("k=a window_start=1 window_end=30 s=9223372036854775807 final=false"));
  EXPECT_EQ(run.output.dead_letters.size(), 3U);
}

// W3 W8
TEST(CountWindow, CurrentLeavesOutAKeyWhoseRowsWereRefused) {
  WindowAggregateOptions options;
  options.kind = WindowKind::kCount;
  options.count = 10;
  options.count_step = 10;
  options.emit = EmitMode::kCurrent;
  WindowRun run(options, {{"s", "sum(v)"}});
  run.Run({"k=a t=1 v=9223372036854775807", "k=b t=1 v=1"});
  run.output.Take();
  run.Run({"k=a t=2 v=1", "k=b t=2 v=1"});
  EXPECT_THAT(run.output.Take(), testing::ElementsAre("k=b window_start=1 window_end=3 s=2 final=false"));
  EXPECT_EQ(run.output.dead_letters.size(), 1U);
}

// W8
TEST(SessionWindow, SumsThatOverflowWhenSessionsAreMergedHaveNoResult) {
  WindowAggregateOptions options;
  options.kind = WindowKind::kSession;
  options.size = Duration(10);
  options.grace = Duration(50);
  WindowRun run(options, {{"s", "sum(v)"}});
  run.Run({"k=a t=1 v=9223372036854775807", "k=a t=15 v=9223372036854775807", "k=a t=8 v=0"});
  run.Run({"k=b t=200 v=0"});
  EXPECT_THAT(run.output.Take(), testing::IsEmpty());
  ASSERT_EQ(run.output.dead_letters.size(), 1U);
  EXPECT_THAT(run.output.dead_letters[0], HasSubstr("in window [1, 25) sum(v) overflows int64"));
}

}  // namespace
}  // namespace millrace
