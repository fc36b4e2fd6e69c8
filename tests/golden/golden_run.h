#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/test_driver.h"
#include "golden_case.h"

namespace millrace {

/// How the cases are run: see tests/golden/README.md.
struct GoldenConfig {
  const char* name;
  std::int64_t batch_rows = 0;
  TestRestart restart = TestRestart::kNever;
  int workers = 1;
  std::int64_t max_rows_in_memory = 0;
};

/// True unless the case names the configurations it is for, and this is none of them.
bool IsFor(const GoldenCase& golden, const std::string& config);

/// What a run left behind.
struct GoldenResult {
  Status status;
  TestCounters counters;
  /// Committed records of every topic that the case speaks of and that exists.
  std::map<std::string, std::vector<TestOutputRecord>> topics;
  /// Rows of the finished files, as JSON, in the order of their text, of every folder that the case speaks
  /// of.
  std::map<std::string, std::vector<std::string>> files;
};

using MakeTestDriver = std::function<Result<std::unique_ptr<TestDriver>>(Plan, TestDriverOptions)>;

/// Runs the case's pipeline on its input. Thread-safe as far as `make` is.
GoldenResult RunGoldenCase(const GoldenCase& golden, const GoldenConfig& config, const MakeTestDriver& make);

}  // namespace millrace
