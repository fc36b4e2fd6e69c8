#pragma once

#include "base/metrics.h"

namespace millrace {

/// What a worker counts; those of one registry are shared by its workers.
struct WorkerMetrics {
  explicit WorkerMetrics(MetricRegistry& registry);

  Counter& records_in;
  Counter& bytes_in;
  Counter& commits;
  Counter& recoveries;
  Counter& tasks_started;
  Histogram& commit_seconds;
  Histogram& commit_engine_seconds;
  Histogram& commit_kafka_seconds;
  Histogram& batch_rows;
  Histogram& batch_seconds;
};

}  // namespace millrace
