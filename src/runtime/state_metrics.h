#pragma once

#include <chrono>
#include <map>
#include <string>

#include "base/metrics.h"
#include "env/clock.h"
#include "state/state_store.h"

namespace millrace {

/// What one task's state adds to the process's gauges `millrace_state_*{step}`; it leaves them again with the
/// object. One owner, one thread.
class StateMetrics {
 public:
  /// Both outlive the object.
  StateMetrics(MetricRegistry& registry, const Clock& clock) : registry_(registry), clock_(clock) {}
  ~StateMetrics();
  StateMetrics(const StateMetrics&) = delete;
  StateMetrics& operator=(const StateMetrics&) = delete;

  /// Shows what `store` holds now, at most once per second: calling it often costs a look at the clock.
  void Refresh(const StateStore& store);

 private:
  struct Shown {
    Gauge* rows = nullptr;
    Gauge* memory_bytes = nullptr;
    Gauge* disk_bytes = nullptr;
    TableSize size;
  };
  static void Show(Shown* shown, TableSize size);

  MetricRegistry& registry_;
  const Clock& clock_;
  std::map<std::string, Shown> tables_;
  std::chrono::nanoseconds refreshed_{std::chrono::nanoseconds::min()};
};

}  // namespace millrace
