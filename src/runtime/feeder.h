#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "connect/cluster.h"
#include "env/clock.h"
#include "runtime/feed.h"
#include "runtime/feed_position_reader.h"

namespace millrace {

struct FeederOptions {
  std::string client_id;
  bool exactly_once = true;
  /// After an error that somebody has to do something about.
  Duration pause{60'000};
};

/// Numbers that other threads may read at any time.
struct FeederStatus {
  std::atomic<bool> settled{false};  ///< in the group; the source runs, or runs elsewhere
  std::atomic<std::int64_t> last_round_ns{
      0};  ///< when RunOnce was called last, by the steady clock; 0: never
};

/// Brings what a source has into the feed's topic, in one process of a pipeline: the one that is assigned the
/// partition of positions. The others wait for it.
///
/// One owner, one thread, except status(). Life: Start -> RunOnce* -> Stop. The owner loops RunOnce; tests
/// call it step by step.
///
///   standby --(assigned)--> recovering --(positions are read, source opened)--> running
///   running --(a commit fails, or its outcome is not known)--> recovering, with a new producer, whose Init
///       ends what the old one left, and the positions as they are committed then
///   any --(revoked)--> standby
///   any --(an error of Kafka that is not retryable, a fatal one of the source)--> RunOnce returns it
///
/// Invariants:
///   1. Records, the positions behind them and an offset of the group commit in one transaction
///   (exactly_once),
///      with proof of the membership: whoever has lost the partition commits nothing. Without transactions
///      the records are in Kafka before the positions behind them.
///   2. A producer with an unknown outcome is never used again.
class Feeder final : private AssignmentListener {
 public:
  /// Everything but `source` outlives the feeder.
  Feeder(const Feed& feed, std::unique_ptr<FeedSource> source, Cluster& cluster, const Clock& clock,
         MetricRegistry& metrics, FeederOptions options);
  ~Feeder() override;

  /// Joins the group. Errors: kUnavailable when no broker answers.
  Status Start();
  /// Asks the source, and commits what it has. `wait`: for the group, or for the source.
  Status RunOnce(Duration wait);
  /// Leaves the group.
  Status Stop();

  const FeederStatus& status() const { return status_; }

 private:
  enum class Phase { kStandby, kRecovering, kRunning };

  void OnAssigned(std::vector<TopicPartition> partitions) override;
  void OnRevoked(std::vector<TopicPartition> partitions, bool lost) override;

  /// Follows the group.
  Status Poll(Duration wait);
  Status Recover(Duration wait);
  Status Bring(Duration wait);
  Status Commit(const FeedBatch& batch);
  Status SendRecords(const FeedBatch& batch);
  Status SendPositions(const FeedBatch& batch);
  /// Drops what is not committed and tries again later; the error when that does not help.
  Status KafkaFailed(const Status& status);
  Status SourceFailed(const Status& status);
  void Enter(Phase phase);
  void TryAgainIn(Duration pause);
  void ShowAge();

  // Constant after construction.
  const Feed& feed_;
  const FeederOptions options_;
  const TopicPartition position_;
  Cluster& cluster_;
  const Clock& clock_;
  Counter& records_;
  Counter& bytes_;
  Counter& commits_;
  Counter& errors_;
  Gauge& running_gauge_;
  Gauge& paused_gauge_;
  Gauge& age_gauge_;

  // Owned by the feeder's thread.
  const std::unique_ptr<FeedSource> source_;
  std::unique_ptr<GroupMember> member_;
  std::unique_ptr<Producer> producer_;
  std::unique_ptr<FeedPositionReader> reader_;
  Phase phase_ = Phase::kStandby;
  Offset position_end_{0};  // committed for the group
  std::chrono::nanoseconds last_poll_{0};
  std::chrono::nanoseconds last_commit_{0};
  std::chrono::nanoseconds retry_at_{0};
  Duration backoff_{0};  // since the last success; 0: nothing failed

  // Own synchronisation.
  FeederStatus status_;
};

}  // namespace millrace
