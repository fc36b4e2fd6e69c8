#pragma once

#include <cstdint>
#include <string>

#include "base/metrics.h"
#include "runtime/topology.h"

namespace millrace {

/// The books of one step (R4): in = out of a stateless step + filtered + absorbed + late + dead-lettered +
/// dropped.
/// Shared by all tasks of a process that run the step.
struct StepMetrics {
  StepMetrics(MetricRegistry& registry, const std::string& step);

  /// Rows that failed, by what becomes of them.
  void CountFailed(ErrorPolicy policy, std::int64_t rows) {
    (policy == ErrorPolicy::kDrop ? rows_dropped : rows_dead).Add(rows);
  }

  Counter& rows_in;
  Counter& rows_out;
  Counter& rows_filtered;
  Counter& rows_absorbed;
  Counter& rows_late;
  Counter& rows_dead;
  Counter& rows_dropped;
};

}  // namespace millrace
