// Session and count windows: random rows, cut into batches at random, with commits, rollbacks and reopened
// stores, against windows computed from the list of rows. Every failure prints its seed.

#include <map>
#include <random>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ops/ops_harness.h"
#include "ops/session_index.h"
#include "ops/window_harness.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
constexpr RandomTimes kTimes{.most_step = 7, .late_one_in = 3, .most_late = 59};

std::string ResultOf(const std::string& key, std::int64_t start, std::int64_t end,
                     const std::vector<TimedRow>& rows) {
  std::int64_t sum = 0;
  for (const TimedRow& row : rows) sum += row.v;
  return "k=" + key + " window_start=" + std::to_string(start) + " window_end=" + std::to_string(end) +
         " n=" + std::to_string(rows.size()) + " s=" + std::to_string(sum);
}

struct Session {
  std::vector<TimedRow> rows;
  std::int64_t first() const {
    std::int64_t time = rows[0].time;
    for (const TimedRow& row : rows) time = std::min(time, row.time);
    return time;
  }
  std::int64_t last() const {
    std::int64_t time = rows[0].time;
    for (const TimedRow& row : rows) time = std::max(time, row.time);
    return time;
  }
};

WindowTexts Sessions(std::int64_t gap, std::int64_t grace, const std::vector<TimedRow>& rows) {
  WindowTexts expected;
  std::map<std::string, std::vector<Session>> keys;
  std::int64_t watermark = kLowest;
  for (const TimedRow& row : rows) {
    const std::int64_t before = watermark;
    watermark = std::max(watermark, row.time);
    const auto closed = [&](std::int64_t last) { return before != kLowest && last + gap + grace <= before; };
    std::vector<Session>& sessions = keys[row.key];
    Session joined{{row}};
    std::vector<Session> others;
    for (Session& session : sessions) {
      bool reached = false;
      for (const TimedRow& other : session.rows) reached |= std::abs(other.time - row.time) < gap;
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

WindowTexts Counts(std::int64_t size, std::int64_t step, const std::vector<TimedRow>& rows) {
  WindowTexts expected;
  std::map<std::string, std::vector<TimedRow>> keys;
  for (const TimedRow& row : rows) {
    std::vector<TimedRow>& all = keys[row.key];
    all.push_back(row);
    const auto n = static_cast<std::int64_t>(all.size());
    if (n < size || (n - size) % step != 0) continue;
    const Session window{{all.end() - size, all.end()}};
    expected.results.push_back(ResultOf(row.key, window.first(), window.last() + 1, window.rows));
  }
  return expected;
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
      const std::vector<TimedRow> rows = RandomRows(kTimes, 500, random);
      WindowAggregateOptions options;
      options.kind = WindowKind::kSession;
      options.size = Duration(c.gap);
      options.grace = Duration(c.grace);
      ExpectSameHoweverCut(options, {{"n", "count()"}, {"s", "sum(v)"}}, rows, Sessions(c.gap, c.grace, rows),
                           random);
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
      const std::vector<TimedRow> rows = RandomRows(kTimes, 600, random);
      WindowAggregateOptions options;
      options.kind = WindowKind::kCount;
      options.count = c.size;
      options.count_step = c.step;
      ExpectSameHoweverCut(options, {{"n", "count()"}, {"s", "sum(v)"}}, rows, Counts(c.size, c.step, rows),
                           random);
    }
  }
}

// W5 W9
TEST(SessionIndex, HasOneTimerPerOpenSessionHoweverSessionsEnd) {
  SessionIndex index(/*gap_ms=*/10, /*grace_ms=*/0);
  std::size_t most = 0;
  const auto note = [&] {
    EXPECT_EQ(index.num_timers(), index.num_sessions());
    most = std::max(most, index.num_timers());
  };
  for (std::int64_t time = 0; time < 100'000; time += 50) {
    EXPECT_FALSE(index.Place("closed by its key", time, kLowest).late);
    index.CloseOfKey("closed by its key", time, kLowest);
    note();
  }
  EXPECT_EQ(most, 1U) << "that of the session which the last row began";
  EXPECT_FALSE(index.Place("merged", 0, kLowest).merged);
  EXPECT_FALSE(index.Place("merged", 18, kLowest).merged);
  EXPECT_TRUE(index.Place("merged", 9, kLowest).merged);
  EXPECT_FALSE(index.Place("grows", 0, kLowest).merged);
  EXPECT_FALSE(index.Place("grows", 9, kLowest).merged);
  note();
  EXPECT_EQ(index.num_sessions(), 3U);
  EXPECT_TRUE(index.Close(18).empty()) << "they have grown since their timers were set";
  note();
  EXPECT_EQ(index.num_sessions(), 3U);
  EXPECT_EQ(index.Close(28).size(), 2U);
  note();
  index.Clear();
  note();
  EXPECT_EQ(index.num_timers(), 0U);
}

/// SessionIndex for one key, by a look at every session.
struct EverySession {
  std::vector<SessionIndex::Session> sessions;

  // The start and end of the row's session, or "late".
  std::string Place(std::int64_t time, std::int64_t watermark) {
    SessionIndex::Session joined{time, time, time};
    bool reached = false;
    std::vector<SessionIndex::Session> others;
    for (const SessionIndex::Session& one : sessions) {
      const bool open = one.last_ms + 10 > watermark;
      if (open && one.first_ms - 10 < time && time < one.last_ms + 10) {
        reached = true;
        joined.first_ms = std::min(joined.first_ms, one.first_ms);
        joined.last_ms = std::max(joined.last_ms, one.last_ms);
      } else {
        others.push_back(one);
      }
    }
    if (!reached && time + 10 <= watermark) return "late";
    others.push_back(joined);
    sessions = std::move(others);
    return std::to_string(joined.first_ms) + "-" + std::to_string(joined.last_ms);
  }
  std::size_t Close(std::int64_t watermark) {
    return std::erase_if(sessions, [&](const auto& one) { return one.last_ms + 10 <= watermark; });
  }
};

// W1 W5
TEST(SessionIndex, GivesWhatALookAtEverySessionOfTheKeyGives) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    SessionIndex index(/*gap_ms=*/10, /*grace_ms=*/0);
    EverySession every;
    std::int64_t watermark = 0;
    for (int i = 0; i < 5'000; ++i) {
      const std::int64_t time = watermark - 20 + static_cast<std::int64_t>(random() % 400);
      const SessionIndex::Placed placed = index.Place("k", time, watermark);
      const std::string text = placed.late ? "late"
                                           : std::to_string(placed.session.first_ms) + "-" +
                                                 std::to_string(placed.session.last_ms);
      ASSERT_EQ(text, every.Place(time, watermark)) << i << ": " << time << " at " << watermark;
      if (!placed.late) {
        const auto* const found = index.Find("k", placed.session.id);
        ASSERT_NE(found, nullptr) << i;
        ASSERT_EQ(found->last_ms, placed.session.last_ms) << i;
      }
      watermark += static_cast<std::int64_t>(random() % 3);
      if (random() % 10 == 0) {
        ASSERT_EQ(index.Close(watermark).size(), every.Close(watermark)) << i;
      }
    }
    EXPECT_GT(index.memory_bytes(), 0);
    EXPECT_EQ(index.Close(watermark + 1'000).size(), every.Close(watermark + 1'000));
    EXPECT_EQ(index.num_sessions(), 0U);
    EXPECT_EQ(index.memory_bytes(), 0);
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
