#include "ops/window_harness.h"

#include <algorithm>
#include <cmath>

#include <arrow/api.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

struct Given {
  WindowTexts text;
  std::string bytes;  // of the sums of doubles
};

Given GivenBy(const WindowAggregateOptions& options,
              const std::vector<std::pair<std::string, std::string>>& aggregates,
              const std::vector<std::string>& rows, const WindowCut& cut, std::mt19937_64& random,
              std::int64_t out_of_orderness_ms) {
  WindowRun run(options, aggregates);
  run.feed.set_out_of_orderness(out_of_orderness_ms);
  RunRows(run, rows, cut, random);
  // A count window that is not full stays open for ever.
  if (options.kind != WindowKind::kCount) {
    EXPECT_EQ(run.store->num_rows(), 0);
  }
  Given given;
  for (const std::string& row : run.output.emitted)
    given.text.results.push_back(row.substr(0, row.find(" d=")));
  for (const std::string& row : run.output.late) given.text.late.push_back(row.substr(row.find("late_by=")));
  given.bytes = BytesOf(run.output.batches, "d");
  return given;
}

// A store is opened anew for each, which is most of the time that such a run takes.
constexpr std::size_t kRestarts = 20;
constexpr std::size_t kFewestBatchesPerRestart = 3;

}  // namespace

std::string TimedRow::Text() const {
  return "k=" + key + " t=" + std::to_string(time) + " v=" + std::to_string(v) + " d=" + std::to_string(d);
}

std::vector<TimedRow> RandomRows(const RandomTimes& times, std::size_t n, std::mt19937_64& random) {
  const auto up_to = [&random](std::int64_t most) {
    return static_cast<std::int64_t>(random() % (static_cast<std::uint64_t>(most) + 1));
  };
  std::vector<TimedRow> rows;
  std::int64_t now = -300;
  for (std::size_t i = 0; i < n; ++i) {
    now += up_to(times.most_step);
    if (times.jump_one_in > 0 && random() % times.jump_one_in == 0) now += 200;
    TimedRow row;
    row.time = now - (random() % times.late_one_in == 0 ? up_to(times.most_late) : 0);
    row.key = std::string(1, static_cast<char>('a' + random() % 5));
    row.v = up_to(999) - 500;
    row.d = std::ldexp(static_cast<double>(random() % 1000), static_cast<int>(random() % 40));
    rows.push_back(std::move(row));
  }
  return rows;
}

void RunRows(WindowRun& run, const std::vector<std::string>& rows, const WindowCut& cut,
             std::mt19937_64& random) {
  const std::size_t batches = 2 * rows.size() / (1 + cut.most);
  const std::size_t batches_per_restart = std::max(batches / kRestarts, kFewestBatchesPerRestart);
  for (auto row = rows.begin(); row != rows.end();) {
    const std::size_t left = static_cast<std::size_t>(rows.end() - row);
    const auto end = row + static_cast<std::ptrdiff_t>(std::min(1 + random() % cut.most, left));
    const Batch batch = run.feed.Make({row, end});
    if (cut.restarts && random() % batches_per_restart == 0) {
      run.Commit();
      CollectedOutput lost;
      run.Process(batch, run.feed.watermark(), lost);
      run.Rollback(random() % 2 == 0);
    }
    run.Process(batch, run.feed.watermark(), run.output);
    row = end;
  }
  run.Process(run.feed.Make({}), kEndOfTime, run.output);
  EXPECT_EQ(static_cast<std::int64_t>(rows.size()),
            run.output.absorbed +
                static_cast<std::int64_t>(run.output.late.size() + run.output.dead_letters.size()));
}

std::string BytesOf(const std::vector<Batch>& batches, const std::string& column) {
  std::string bytes;
  for (const Batch& batch : batches) {
    const auto values = std::static_pointer_cast<arrow::DoubleArray>(batch.data->GetColumnByName(column));
    for (std::int64_t i = 0; i < batch.num_rows(); ++i) {
      const double value = values->Value(i);
      bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
    }
  }
  return bytes;
}

void ExpectSameHoweverCut(const WindowAggregateOptions& options,
                          std::vector<std::pair<std::string, std::string>> aggregates,
                          const std::vector<TimedRow>& rows, const WindowTexts& expected,
                          std::mt19937_64& random, std::int64_t out_of_orderness_ms) {
  aggregates.emplace_back("d", "sum(d)");
  std::vector<std::string> texts;
  for (const TimedRow& row : rows) texts.push_back(row.Text());
  const Given one_by_one = GivenBy(options, aggregates, texts, {.most = 1}, random, out_of_orderness_ms);
  EXPECT_EQ(one_by_one.text.results, expected.results);
  EXPECT_EQ(one_by_one.text.late, expected.late);
  for (const WindowCut& cut : std::vector<WindowCut>{{600, false}, {40, false}, {60, true}, {5, true}}) {
    SCOPED_TRACE("batches of up to " + std::to_string(cut.most) + (cut.restarts ? " with restarts" : ""));
    const Given given = GivenBy(options, aggregates, texts, cut, random, out_of_orderness_ms);
    EXPECT_EQ(given.text.results, one_by_one.text.results);
    EXPECT_EQ(given.text.late, one_by_one.text.late);
    EXPECT_TRUE(given.bytes == one_by_one.bytes) << "sums of doubles differ";
  }
}

}  // namespace millrace
