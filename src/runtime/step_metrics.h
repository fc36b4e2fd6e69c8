#pragma once

#include <string>

#include "base/metrics.h"

namespace millrace {

/// The books of one step (R4): in = out of a stateless step + filtered + absorbed + late + dead-lettered.
/// Shared by all tasks of a process that run the step.
struct StepMetrics {
  StepMetrics(MetricRegistry& registry, const std::string& step);

  Counter& rows_in;
  Counter& rows_out;
  Counter& rows_filtered;
  Counter& rows_absorbed;
  Counter& rows_late;
  Counter& rows_dead;
};

}  // namespace millrace
