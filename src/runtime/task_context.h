#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "base/ids.h"
#include "base/metrics.h"
#include "env/clock.h"
#include "runtime/topology.h"
#include "state/state_store.h"

namespace millrace {

/// Names a task: one sub-topology on one partition number.
struct TaskId {
  std::size_t sub_topology = 0;
  Partition partition{0};
  friend auto operator<=>(const TaskId&, const TaskId&) = default;
};

/// What a task needs from its worker; all outlive the task.
struct TaskContext {
  const Topology* topology = nullptr;
  const Clock* clock = nullptr;
  MetricRegistry* metrics = nullptr;
  StateRuntime* state_runtime = nullptr;
  /// Directory of all tasks of this pipeline: "<state_dir>/<app>".
  std::string state_dir;
  std::int64_t max_rows_in_memory = 1'000'000;
  std::int64_t max_bytes_in_memory = 1LL << 30;
  /// A task that has committed nothing, or since a reset, runs for the first time now, by `clock`. False:
  /// nobody knows when it did, as in tests whose clock is not that of their records.
  bool first_run_is_now = false;
  /// Where this process answers for its state; "": nowhere.
  std::string http_address;
};

/// "<sub-topology>_<partition>": of its directory, and in messages.
std::string TaskName(const SubTopology& sub, Partition partition);

/// Where and how the state of a task lies on this machine.
StateStoreOptions TaskStoreOptions(const TaskContext& context, const SubTopology& sub, Partition partition);

}  // namespace millrace
