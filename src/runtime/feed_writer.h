#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/duration.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "connect/cluster.h"
#include "connect/feed.h"

namespace millrace {

/// Writes what a FeedReceiver is told into the feed's topic: several records at a time, each answered when
/// Kafka has it. No transaction: who sent a record waits for its answer.
///
/// Write may be called from any thread; the rest on one. Life: RunOnce* -> Stop.
class FeedWriter final : public FeedInlet {
 public:
  /// `source`: its name. `cluster` and `metrics` outlive the writer.
  FeedWriter(const std::string& source, std::string topic, Cluster& cluster, MetricRegistry& metrics);

  Status Write(FeedRecord record, Done done) override;
  /// Waits at most `wait` for records, then writes and answers all that wait.
  void RunOnce(Duration wait);
  /// Answers what waits with an error, as everything from then on.
  void Stop();

 private:
  struct Waiting {
    FeedRecord record;
    Done done;
  };

  /// What became of each of them.
  std::vector<Status> WriteAll(const std::vector<Waiting>& all);
  Status MakeProducer();
  Status Send(const FeedRecord& record);

  const std::string topic_;
  Cluster& cluster_;
  Counter& records_;
  Counter& bytes_;
  Counter& errors_;

  std::unique_ptr<Producer> producer_;  // of the thread that calls RunOnce; null after an error

  Mutex mutex_;
  ConditionVariable arrived_;
  // Guarded by mutex_:
  std::vector<Waiting> waiting_;
  std::int64_t waiting_bytes_ = 0;
  bool stopped_ = false;
};

}  // namespace millrace
