// Random rows through a window, cut into batches at random, against a row-at-a-time map. Every failure prints
// its seed.

#include <map>
#include <random>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ops/ops_harness.h"
#include "ops/window_harness.h"

namespace millrace {
namespace {

struct Row {
  std::int64_t time;
  std::optional<std::int64_t> key;
  std::optional<std::int64_t> v;
  std::optional<double> d;
  std::optional<std::string> s;

  std::string Text() const {
    const auto or_null = [](const auto& value, const auto& text) {
      return value ? text(*value) : std::string("null");
    };
    const auto number = [](std::int64_t n) { return std::to_string(n); };
    return "k=" + or_null(key, number) + " t=" + std::to_string(time) + " v=" + or_null(v, number) +
           " d=" + or_null(d, [](double x) { return std::to_string(x); }) +
           " s=" + or_null(s, [](const std::string& text) { return "\"" + text + "\""; });
  }
};

/// What a window holds, the slow way.
struct Group {
  std::int64_t n = 0, nv = 0;
  std::optional<std::int64_t> sum, lo, hi, first, last;
  std::int64_t first_time = 0, last_time = 0;
  std::optional<std::string> s_lo, s_hi;
};

struct Expected {
  std::vector<std::string> results, late, dead;
};

template <typename T>
std::string Or(const std::optional<T>& value) {
  if (!value) return "null";
  if constexpr (std::is_same_v<T, std::string>) {
    return *value;
  } else {
    return std::to_string(*value);
  }
}

constexpr std::int64_t kSize = 50;
constexpr std::int64_t kGrace = 20;
constexpr std::int64_t kOffset = 7;

Expected Oracle(const std::vector<Row>& rows) {
  Expected expected;
  std::map<std::pair<std::int64_t, std::int64_t>, Group> groups;
  std::int64_t watermark = std::numeric_limits<std::int64_t>::min();
  const auto close = [&](std::int64_t until) {
    while (!groups.empty() && groups.begin()->first.first + kSize + kGrace <= until) {
      const auto& [id, g] = *groups.begin();
      expected.results.push_back(
          "k=" + std::to_string(id.second) + " window_start=" + std::to_string(id.first) +
          " window_end=" + std::to_string(id.first + kSize) + " n=" + std::to_string(g.n) +
          " nv=" + std::to_string(g.nv) + " sum=" + Or(g.sum) + " lo=" + Or(g.lo) + " hi=" + Or(g.hi) +
          " first=" + Or(g.first) + " last=" + Or(g.last) + " s_lo=" + Or(g.s_lo) + " s_hi=" + Or(g.s_hi));
      groups.erase(groups.begin());
    }
  };
  for (const Row& row : rows) {
    const std::int64_t before = watermark;
    watermark = std::max(watermark, row.time);
    if (!row.key) {
      expected.dead.push_back("null_key");
      continue;
    }
    std::int64_t start = kOffset;
    while (start > row.time) start -= kSize;
    while (start + kSize <= row.time) start += kSize;
    if (start + kSize + kGrace <= before) {
      expected.late.push_back(std::to_string(before - (start + kSize + kGrace)));
      continue;
    }
    Group& g = groups[{start, *row.key}];
    std::int64_t sum = 0;
    if (row.v && __builtin_add_overflow(g.sum.value_or(0), *row.v, &sum)) {
      expected.dead.push_back("overflow");
      continue;
    }
    ++g.n;
    if (row.s) {
      g.s_lo = std::min(g.s_lo.value_or(*row.s), *row.s);
      g.s_hi = std::max(g.s_hi.value_or(*row.s), *row.s);
    }
    if (!row.v) continue;
    ++g.nv;
    g.sum = sum;
    g.lo = std::min(g.lo.value_or(*row.v), *row.v);
    g.hi = std::max(g.hi.value_or(*row.v), *row.v);
    if (!g.first || row.time < g.first_time) std::tie(g.first, g.first_time) = std::pair(*row.v, row.time);
    if (!g.last || row.time >= g.last_time) std::tie(g.last, g.last_time) = std::pair(*row.v, row.time);
  }
  close(std::numeric_limits<std::int64_t>::max());
  return expected;
}

std::vector<Row> RandomRows(std::mt19937_64& random, std::size_t n) {
  std::vector<Row> rows;
  std::int64_t now = -500;
  for (std::size_t i = 0; i < n; ++i) {
    now += static_cast<std::int64_t>(random() % 7);
    Row row{.time = now - (random() % 5 == 0 ? static_cast<std::int64_t>(random() % 150) : 0),
            .key = std::nullopt,
            .v = std::nullopt,
            .d = std::nullopt,
            .s = std::nullopt};
    if (random() % 50 != 0) row.key = static_cast<std::int64_t>(random() % 9) - 4;
    if (random() % 8 != 0) row.v = static_cast<std::int64_t>(random() % 1000) - 500;
    if (random() % 40 == 0) row.v = random() % 2 == 0 ? INT64_MAX - 3 : INT64_MIN + 3;
    if (random() % 6 != 0)
      row.d = std::ldexp(static_cast<double>(random() % 1000), static_cast<int>(random() % 20));
    if (random() % 6 != 0) row.s = std::string(random() % 30, 'a') + static_cast<char>('a' + random() % 26);
    rows.push_back(std::move(row));
  }
  return rows;
}

/// All that a run gave, and the bytes of every result.
struct Given {
  Expected text;
  std::string bytes;
};

class WindowOracleTest : public testing::TestWithParam<std::uint64_t> {
 protected:
  static Given Run(const std::vector<Row>& rows, const WindowCut& cut, std::mt19937_64& random) {
    WindowAggregateOptions options;
    options.size = Duration(kSize);
    options.grace = Duration(kGrace);
    options.offset = Duration(kOffset);
    WindowRun run(options,
                  {{"n", "count()"},
                   {"nv", "count(v)"},
                   {"sum", "sum(v)"},
                   {"lo", "min(v)"},
                   {"hi", "max(v)"},
                   {"first", "first(v)"},
                   {"last", "last(v)"},
                   {"s_lo", "min(s)"},
                   {"s_hi", "max(s)"},
                   {"d_sum", "sum(d)"},
                   {"d_mean", "mean(d)"},
                   {"mean", "mean(v)"},
                   {"s_first", "first(s)"}},
                  "k: int64; t: int64; v: int64; d: float64; s: string");
    run.store.max_rows_in_memory = cut.restarts ? 3 : 1000;
    run.Rollback(true);  // opens the store anew, with that bound
    std::vector<std::string> texts;
    for (const Row& row : rows) texts.push_back(row.Text());
    RunRows(run, texts, cut, random);
    return Collect(run.output);
  }

  static Given Collect(const CollectedOutput& output) {
    Given given;
    for (const std::string& row : output.emitted) {
      given.text.results.push_back(row.substr(0, row.find(" d_sum=")));
      given.bytes += row + "\n";
    }
    given.bytes += BytesOf(output.batches, "d_sum");
    for (const Batch& batch : output.batches) {
      for (std::int64_t i = 0; i < batch.num_rows(); ++i) given.bytes += batch.key->GetView(i);
    }
    for (const std::string& row : output.late)
      given.text.late.push_back(row.substr(row.find("late_by=") + 8));
    for (const std::string& row : output.dead_letters) {
      const std::size_t at = row.find("class=") + 6;
      given.text.dead.push_back(row.substr(at, row.find(':', at) - at));
    }
    return given;
  }
};

// T5 R4 W1 W2 W3 W6 W8
TEST_P(WindowOracleTest, AnyCutIntoBatchesGivesWhatTheMapGives) {
  const std::uint64_t seed = GetParam();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::vector<Row> rows = RandomRows(random, 1500);
  const Expected expected = Oracle(rows);
  const Given one_by_one = Run(rows, {.most = 1}, random);
  EXPECT_EQ(one_by_one.text.results, expected.results);
  EXPECT_EQ(one_by_one.text.late, expected.late);
  EXPECT_GT(expected.late.size(), 10U);
  // Null keys leave a batch before overflows do, so dead letters are compared as sets.
  EXPECT_THAT(one_by_one.text.dead, testing::UnorderedElementsAreArray(expected.dead));
  for (const WindowCut& cut :
       std::vector<WindowCut>{{1500, false}, {300, false}, {17, false}, {100, true}, {5, true}}) {
    SCOPED_TRACE("batches of up to " + std::to_string(cut.most) + (cut.restarts ? " with restarts" : ""));
    const Given given = Run(rows, cut, random);
    EXPECT_EQ(given.bytes.substr(0, 3), one_by_one.bytes.substr(0, 3));
    EXPECT_EQ(given.text.results, one_by_one.text.results);
    EXPECT_EQ(given.text.late, one_by_one.text.late);
    EXPECT_THAT(given.text.dead, testing::UnorderedElementsAreArray(expected.dead));
    EXPECT_TRUE(given.bytes == one_by_one.bytes);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, WindowOracleTest, testing::Range<std::uint64_t>(1, 7));

}  // namespace
}  // namespace millrace
