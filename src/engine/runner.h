#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/metrics.h"
#include "base/result.h"
#include "connect/cluster.h"
#include "engine/state_endpoint.h"
#include "engine/state_owners.h"
#include "env/clock.h"
#include "env/thread.h"
#include "plan/plan.h"
#include "runtime/state_query.h"

namespace millrace {

struct RunnerOptions {
  /// Everything shared; must outlive the runner.
  Cluster* cluster = nullptr;
  const Clock* clock = nullptr;
  MetricRegistry* metrics = nullptr;
  /// Where console sinks print.
  std::ostream* console = nullptr;
  /// Holds tasks' state, the node id and the slot locks.
  std::string state_dir = "./state";
  /// Slot of the first worker, the next ones of the others; nullopt: those that are free.
  std::optional<int> slot{};
  /// Where this process answers for its state, as others reach it; "": nowhere.
  std::string http_address{};
  /// How long Make is patient with a cluster that is not ready.
  Duration startup_timeout{0};
  /// Finish the batch, commit, leave the group; ends Make as well.
  StopToken stop{};
};

/// What a running pipeline looks like from outside, for the demo's table, /readyz and `millrace lag`.
struct RunnerStatus {
  bool ready = false;  ///< in the group, and every assigned task is restored and running
  std::chrono::nanoseconds since_last_round{0};  ///< of the worker whose last round began the longest ago
  std::int64_t tasks_running = 0;
  std::int64_t tasks_restoring = 0;
  std::int64_t records_in = 0;
  std::int64_t rows_out = 0;
  std::int64_t rows_late = 0;
  std::int64_t dead_letters = 0;
  std::int64_t lag = 0;
  std::int64_t commits = 0;
  double last_commit_ms = 0;
  std::optional<Watermark> watermark;  ///< the lowest of all tasks
};

/// Runs one plan on a cluster with `plan.workers` worker threads until stopped.
///
/// Make checks topics (creates internal and, when allowed, output ones), infers undeclared schemas, analyses
/// and compiles the plan; Run blocks. Stop and status() may be called from any thread.
class PipelineRunner {
 public:
  /// Errors: user error for a plan or topic problem; kUnavailable when the broker does not answer.
  static Result<std::unique_ptr<PipelineRunner>> Make(const Plan& plan, RunnerOptions options);
  virtual ~PipelineRunner() = default;

  /// Ok after Stop; else the first error of a worker.
  virtual Status Run() = 0;
  /// Finish the batch, commit, leave the group. Idempotent, safe from a signal-handling thread.
  virtual void Stop() = 0;
  virtual RunnerStatus status() const = 0;

  /// Steps with state, by name.
  virtual const std::map<std::string, StateStep>& state_steps() const = 0;
  /// `done` gets what all workers hold of the step, each right after its next commit, on the thread of the
  /// last one. Callable from any thread.
  virtual void Ask(const StateQuery& query, StateQuestions::Done done) = 0;
  /// Where other processes answer for these partitions of a step with state. Callable from any thread.
  virtual void FindOwners(const std::string& step, const std::vector<Partition>& partitions,
                          StateOwners::Done done) = 0;
};

}  // namespace millrace
