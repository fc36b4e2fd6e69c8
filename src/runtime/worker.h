#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "connect/cluster.h"
#include "env/clock.h"
#include "runtime/restorer.h"
#include "runtime/standby_keeper.h"
#include "runtime/task.h"
#include "runtime/topology.h"
#include "runtime/worker_metrics.h"

namespace millrace {

struct WorkerOptions {
  /// "<app>-<node>-<slot>"; also the client id. Used as transactional.id under exactly_once.
  std::string id;
  bool exactly_once = true;
  Duration commit_interval{200};
  /// Bytes of input, or of changed state, after which a commit does not wait for its time.
  std::int64_t commit_bytes = 64 << 20;
  /// The same for state alone: what changed since the last commit cannot leave memory before it.
  std::int64_t most_dirty_bytes = 64 << 20;
  PollLimits poll;
  /// How long a checkpoint that cannot be put off, of a revocation or a stop, waits for rows on their way to
  /// sinks. After that it fails, and their input is read again.
  Duration settle_timeout{5'000};
  /// Told of the tasks that this worker has; null: this process keeps no copies. Outlives the worker.
  StandbyKeeper* standbys = nullptr;
};

/// Numbers that other threads may read at any time.
struct WorkerStatus {
  std::atomic<std::int64_t> tasks_running{0};
  std::atomic<std::int64_t> tasks_restoring{0};
  std::atomic<bool> settled{false};  ///< in the group, and every assigned task runs: there may be none
  std::atomic<std::int64_t> last_round_ns{
      0};  ///< when RunOnce was called last, by the steady clock; 0: never
  std::atomic<std::int64_t> watermark{kNoWatermark.value()};
  std::atomic<std::int64_t> lag{0};
  std::atomic<double> last_commit_ms{0};
};

/// One processing thread's work: one group member, one producer, the tasks of the partitions it was assigned.
///
/// One owner, one thread, except status() and Ask(). Life: Start -> RunOnce* -> Stop. The owner loops
/// RunOnce; tests call it step by step.
///
/// A task:  assigned --(all inputs held)--> restoring --(changelogs read)--> running --(revoked)--> gone
/// The worker:
///   running --(commit fails with kAborted, kTimeout, kUnavailable or kOutcomeUnknown)--> recovering:
///       tasks are dropped with all uncommitted state, the producer is recreated and Init fences what it
///       left, then every held task starts over from the committed offsets. Retried with backoff until it
///       works.
///   running --(kFenced, or any error of a task)--> RunOnce returns the error; the owner stops it.
///
/// Invariants:
///   1. Only offsets of tasks that run and are in the current assignment are committed.
///   2. State reaches disk only after the transaction that holds its changelog records has committed.
///   3. A producer with an unknown outcome is never used again.
///   4. Where reading begins at the end of a partition (OffsetReset::kLatest), that is committed before
///      anything is read.
class Worker final : private AssignmentListener {
 public:
  /// `topology` and everything in `context` and `cluster` outlive the worker.
  Worker(const TaskContext& context, Cluster& cluster, WorkerOptions options);
  ~Worker() override;

  /// Joins the group. Errors: kUnavailable when no broker answers.
  Status Start();
  /// Polls once, processes what came, commits when due. `wait`: how long to wait for input.
  Status RunOnce(Duration wait);
  /// Commits what is processed and leaves the group (D5).
  Status Stop();
  /// Commits now; for tests and `commit_interval` of zero.
  Status Checkpoint();

  const WorkerStatus& status() const { return status_; }
  /// `done` gets what its running tasks hold of the step, right after the next commit. Callable from any
  /// thread.
  void Ask(StateQuery query, StateQuestions::Done done) { questions_.Ask(std::move(query), std::move(done)); }
  /// True when no input is waiting, nothing is restoring and nothing is uncommitted: for tests.
  bool quiet() const;

 private:
  enum class Phase { kAssigned, kRestoring, kRunning };
  struct HeldTask {
    Phase phase = Phase::kAssigned;
    std::unique_ptr<Task> task;
    std::vector<CommittedOffset> committed;
    std::chrono::nanoseconds next_attempt{0};  // to start it
  };

  void OnAssigned(std::vector<TopicPartition> partitions) override;
  void OnRevoked(std::vector<TopicPartition> partitions, bool lost) override;

  /// A new producer, and with its Init the end of whatever transaction its predecessor left.
  Status CreateProducer();
  void StartInterval();
  Status BeginIfNeeded();
  bool CommitIsDue() const;
  Status CheckpointIfDue();
  /// Sinks have an outcome for all rows, after at most `wait`.
  bool Settle(Duration wait);
  Status CommitAll();
  /// Before a clean stop: sinks publish what is committed, and what is committed then says so. Whoever starts
  /// the pipeline again need not find the files.
  Status PublishAll();
  Status SendOffsetsAndCommit(const std::vector<CommittedOffset>& offsets);
  /// Sets recovery_needed_ and a pause when Kafka does not answer, or when nothing was committed since the
  /// recovery before; RunOnce tries again.
  Status Recover(const Status& cause);
  /// Makes the next RunOnce do nothing but wait; longer each time until something is committed.
  void Pause();
  /// Makes the tasks whose inputs are all held, and begins to restore them.
  Status OpenTasks();
  Status OpenTask(TaskId id, HeldTask* held);
  /// From what is committed for the same input of the other partitions.
  Status FindFirstRun(Task* task);
  /// None of the tasks that are not open yet is tried for a while.
  void DelayOpening();
  Status RestoreSome(Duration wait);
  /// Its state is complete: seeks its inputs.
  Status StartTask(HeldTask* held);
  /// Ends what depends on a partition that was taken away. Errors: the first of closing its tasks.
  Status DropPartition(const TopicPartition& partition);
  Status ProcessInput(std::vector<std::shared_ptr<const RecordBlock>> blocks);
  Status ProcessBlocks(std::vector<std::shared_ptr<const RecordBlock>> blocks);
  Status PassOver(const std::vector<UndecodableRecords>& undecodable);
  /// The running task that reads `partition`; null when there is none (any more).
  Task* RunningTask(const TopicPartition& partition);
  Status CheckIdle();
  /// Deletes the rows of repartition topics that every restart would skip (K2).
  Status PurgeRepartitions();
  Status ProcessBlock(Task& task, std::shared_ptr<const RecordBlock> block);
  void ForgetLag(const TopicPartition& partition);
  std::vector<TaskId> TasksOf(const TopicPartition& partition) const;
  bool HoldsAllInputs(TaskId id) const;
  bool AnyRunning(bool (Task::*holds)() const) const;
  /// Retryable, or a task's state does not verify and Recover can rebuild it.
  bool CanRecoverFrom(const Status& status) const;
  void UpdateStatus();
  /// What running tasks hold is what the last commit left.
  bool AllCommitted() const;
  void AnswerQuestions();

  // Constant after construction.
  const TaskContext context_;
  const WorkerOptions options_;
  Cluster& cluster_;
  const WorkerMetrics metrics_;

  // Owned by the worker's thread.
  std::unique_ptr<GroupMember> member_;
  std::unique_ptr<Producer> producer_;
  std::unique_ptr<Restorer> restorer_;
  std::set<TopicPartition> assigned_;
  std::map<TaskId, HeldTask> tasks_;
  Status callback_status_;  // first error inside a rebalance callback, returned by RunOnce
  bool in_transaction_ = false;
  bool recovery_needed_ = false;
  bool has_assignment_ = false;     // of the current generation of the group
  bool assignment_opened_ = false;  // every task of it is in tasks_
  bool checkpoint_waits_ = false;   // for rows on their way to a sink: nothing is read
  bool begins_at_an_end_ = false;   // a task does, and that is not committed yet
  StartPositions start_positions_;
  std::chrono::nanoseconds last_commit_{0};
  std::chrono::nanoseconds last_idle_check_{0};
  std::chrono::nanoseconds last_purge_{0};
  Duration recovery_backoff_{0};                // since the last commit; 0: nothing was recovered from
  Duration standstill_;                         // that running tasks may be put to for one that starts
  Duration pause_{0};                           // before the next attempt to recover
  std::map<TopicPartition, Offset> committed_;  // for purging
  std::map<TopicPartition, Offset> purged_;
  std::int64_t blocks_last_poll_ = 0;
  std::int64_t input_bytes_ = 0;  // since the last commit

  // Own synchronisation.
  WorkerStatus status_;
  StateQuestions questions_;
};

}  // namespace millrace
