#include "runtime/worker_metrics.h"

#include <vector>

namespace millrace {
namespace {

const std::vector<double> kCommitBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                           0.25,  0.5,    1,     2.5,  5,     10};

}  // namespace

WorkerMetrics::WorkerMetrics(MetricRegistry& registry)
    : records_in(registry.GetCounter("millrace_records_in_total", "Records read from input topics.")),
      bytes_in(registry.GetCounter("millrace_bytes_in_total", "Bytes of keys, values and headers read.")),
      commits(registry.GetCounter("millrace_commits_total", "Checkpoints committed.")),
      recoveries(registry.GetCounter("millrace_recoveries_total",
                                     "Times a worker dropped uncommitted work and recovered.")),
      tasks_started(registry.GetCounter(
          "millrace_tasks_started_total",
          "Tasks that came to run: at the start, with partitions that were assigned, in a recovery.")),
      commit_seconds(
          registry.GetHistogram("millrace_commit_seconds", "Duration of a checkpoint.", kCommitBounds)),
      commit_engine_seconds(registry.GetHistogram(
          "millrace_commit_engine_seconds", "Of a checkpoint, collecting and keeping state.", kCommitBounds)),
      commit_kafka_seconds(registry.GetHistogram("millrace_commit_kafka_seconds",
                                                 "Of a checkpoint, waiting for Kafka.", kCommitBounds)),
      batch_rows(
          registry.GetHistogram("millrace_batch_rows", "Records of one batch of input.",
                                {1, 10, 100, 500, 1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000})),
      batch_seconds(registry.GetHistogram(
          "millrace_batch_seconds", "Time from a batch of input to the sinks, all steps included.",
          {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5})) {}

}  // namespace millrace
