#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "ops/ops_harness.h"

namespace millrace {

/// A row of WindowRun's columns.
struct TimedRow {
  std::int64_t time = 0;
  std::string key;
  std::int64_t v = 0;
  double d = 0;

  std::string Text() const;
};

/// How the event times of random rows go: 0 to `most_step` ms on from row to row, one row in `late_one_in` up
/// to `most_late` ms back, and one in `jump_one_in` (0: none) a jump ahead.
struct RandomTimes {
  std::int64_t most_step = 0;
  std::uint64_t late_one_in = 1;
  std::int64_t most_late = 0;
  std::uint64_t jump_one_in = 0;
};

/// `n` rows of the keys a to e.
std::vector<TimedRow> RandomRows(const RandomTimes& times, std::size_t n, std::mt19937_64& random);

/// Rows go in batches of one to `most`; with `restarts`, about 20 commits, rollbacks and reopened stores come
/// between.
struct WindowCut {
  std::size_t most = 1;
  bool restarts = false;
};

/// Runs all rows and then the end of time; what came out is in `run.output`. Expects that every row is
/// counted (R4).
void RunRows(WindowRun& run, const std::vector<std::string>& rows, const WindowCut& cut,
             std::mt19937_64& random);

/// The bytes of a float64 column of the results.
std::string BytesOf(const std::vector<Batch>& batches, const std::string& column);

/// The results in order without their sums of doubles, and "late_by=N" of each late row.
struct WindowTexts {
  std::vector<std::string> results, late;
};

/// Expects `expected` for `rows` through this window one by one, and the same to the last bit of sum(d) for
/// several cuts (T5). `aggregates` are followed by d = sum(d). The watermark is the highest time less
/// `out_of_orderness_ms`.
void ExpectSameHoweverCut(const WindowAggregateOptions& options,
                          std::vector<std::pair<std::string, std::string>> aggregates,
                          const std::vector<TimedRow>& rows, const WindowTexts& expected,
                          std::mt19937_64& random, std::int64_t out_of_orderness_ms = 0);

}  // namespace millrace
