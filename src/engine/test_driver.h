#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/duration.h"
#include "base/ids.h"
#include "base/metrics.h"
#include "base/result.h"
#include "engine/yaml/test_input_record.h"
#include "plan/plan.h"

namespace millrace {

/// What a driver does to its workers after every batch.
enum class TestRestart {
  kNever,
  kKill,  ///< drops everything that is not committed or stored, every second time the batch too; recovers
  kStop,  ///< stops in good order and starts again
};

struct TestDriverOptions {
  /// The manual clock at the beginning.
  EventTime start{0};
  /// The pipeline runs for the first time at `start`; else nobody knows when it did (Operator::SetFirstRun).
  bool first_run = false;
  /// Partitions of every source topic.
  std::int32_t source_partitions = 1;
  int workers = 1;
  /// Rows per batch; 0: as the plan says.
  std::int64_t batch_rows = 0;
  TestRestart restart = TestRestart::kNever;
  /// Rows of state that a task keeps in memory; 0: more than a test has.
  std::int64_t max_rows_in_memory = 0;
  /// File sinks write their files, in the place that the plan names.
  bool file_sinks = false;
  /// Written to the source topics before the pipeline starts: what an undeclared schema is inferred from
  /// (R7).
  std::vector<TestInputRecord> waiting;
};

/// A committed record of a topic, as a read_committed consumer sees it.
struct TestOutputRecord {
  Partition partition{0};
  Offset offset{0};
  std::optional<std::string> key;
  std::optional<std::string> value;
  EventTime timestamp{0};
  std::vector<std::pair<std::string, std::string>> headers;
};

struct TestCounters {
  std::int64_t records_in = 0;
  std::int64_t rows_out = 0;  ///< rows that sinks accepted
  std::int64_t rows_filtered = 0;
  std::int64_t rows_late = 0;
  std::int64_t dead_letters = 0;
  std::int64_t rows_dropped = 0;  ///< rows that failed where on_error is drop
};

/// What the workers have counted so far.
TestCounters CountersFrom(const MetricRegistry& metrics);

/// Runs a plan synchronously on a log in memory, with a clock that moves only when told: for tests of
/// pipelines.
///
/// Everything is real but the broker, the clock and, unless `file_sinks`, the disk of file sinks. Nothing
/// happens between calls. The driver makes the source topics; console sinks and file sinks without a disk are
/// replaced by lists that ReadSinkRows returns. One owner, one thread. Life: Make -> (Write | AdvanceClock |
/// RunUntilIdle | Read*)* -> destroy.
class TestDriver {
 public:
  /// Errors: user error as AnalyzePlan and compilation give it; a source without a declared schema needs
  /// records that wait for it.
  static Result<std::unique_ptr<TestDriver>> Make(Plan plan, TestDriverOptions options);
  virtual ~TestDriver() = default;

  /// Appends to a source topic. Errors: user error for an unknown topic or partition.
  virtual Status Write(const TestInputRecord& record) = 0;
  /// Moves the clock; what follows from it (idleness, closed windows) happens in the next RunUntilIdle.
  virtual void AdvanceClock(Duration by) = 0;
  /// Processes all input there is and commits. Errors: what would stop the pipeline.
  virtual Status RunUntilIdle() = 0;

  /// Stops in good order and starts again as `plan`, which is the pipeline edited. Errors: user error when
  /// the edit is refused, or where a driver has no edits; then nothing runs any more.
  virtual Status Edit(Plan /*plan*/) {
    return Status::InvalidArgument("this driver does not edit pipelines");
  }

  /// All committed records of a topic since the beginning, by partition and offset. Works for every topic:
  /// sinks, late, dead-letter, repartition and changelog.
  virtual Result<std::vector<TestOutputRecord>> Read(const std::string& topic) = 0;
  /// All committed rows that the sink with this node name got, of whatever kind, each as a JSON object with
  /// the columns in written order; by partition, then in order.
  virtual Result<std::vector<std::string>> ReadSinkRows(const std::string& sink_name) = 0;
  virtual TestCounters counters() const = 0;
  virtual EventTime now() const = 0;
};

/// Moves the clock in steps and runs after each, as time would pass: partitions become idle on the way.
/// Errors: what would stop the pipeline.
Status PassTime(Duration by, TestDriver& driver);

}  // namespace millrace
