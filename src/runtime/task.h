#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "connect/group_member.h"
#include "connect/producer.h"
#include "runtime/chain.h"
#include "runtime/changelog_place.h"
#include "runtime/start_position.h"
#include "runtime/state_metrics.h"
#include "runtime/state_notes.h"
#include "runtime/state_query.h"
#include "runtime/step_metrics.h"
#include "runtime/task_context.h"
#include "runtime/watermark_tracker.h"

namespace millrace {

/// One sub-topology on one partition number: its readers, its operator chain, its state and its clock.
///
/// Owned by a worker, used on its thread. Life, driven by the worker:
///   Make -> LoadNotes -> (restoring: state_on_disk) -> LoadPosition of every input -> Ready ->
///   (Process* | CheckIdle* -> Prepare -> Commit)* -> Close | Abandon.
class Task {
 public:
  static Result<std::unique_ptr<Task>> Make(TaskId id, const TaskContext& context);
  ~Task();

  const TaskId& id() const { return id_; }
  const SubTopology& sub_topology() const { return sub_; }
  /// The input partitions it must hold to run.
  const std::vector<TopicPartition>& inputs() const { return input_partitions_; }
  /// Of an input: false for a repartition topic.
  bool ReadsSource(const std::string& topic) const {
    return inputs_[InputIndex(topic)].upstream_partitions == 0;
  }
  OffsetReset ResetOf(const std::string& topic) const { return inputs_[InputIndex(topic)].offset_reset; }
  /// After restoring: some changelog of its tables has records, or had.
  bool has_state() const;
  /// Null when stateless.
  StateStore* store() { return store_.get(); }

  /// Precondition: not stateless. Valid as long as the task lives.
  StateOnDisk state_on_disk() const {
    return {.store = store_.get(), .sub = &sub_, .partition = id_.partition, .notes = &state_notes_};
  }
  /// What is noted beside the committed offsets of its inputs. Errors: kCorrupt.
  Status LoadNotes(const std::vector<CommittedOffset>& committed);
  /// After LoadNotes: true when it asks when the pipeline ran for the first time, and has not run itself.
  bool needs_first_run() const { return needs_first_run_; }
  /// `partitions`: what is committed for its first input, and for that of all tasks like it. Errors:
  /// kCorrupt.
  Status FindFirstRun(const std::vector<CommittedOffset>& partitions);
  /// Tables that were committed with this task's inputs and are in another sub-topology now, with the id that
  /// their changelog topic had.
  std::vector<std::pair<TableSpec, std::string>> ChangelogsOfMovedTables() const;
  /// Clock of one input, as committed, and where reading starts.
  Status LoadPosition(const CommittedOffset& committed, const StartPosition& start);
  /// All inputs are loaded: recovers sinks and sets the clocks.
  Status Ready(Producer* producer);
  void set_producer(Producer* producer);

  Status Process(std::shared_ptr<const RecordBlock> block);
  /// Settles records that cannot be read (R3) and moves the position past them.
  Status PassOver(const UndecodableRecords& records);
  /// `at_end[i]`: input i has been read to its end and its broker answers.
  Status CheckIdle(const std::vector<bool>& at_end);

  /// True when a checkpoint would commit something new.
  bool has_progress() const { return progress_ || clock_moved_at_.has_value() || chain_->CheckpointDue(); }
  /// True when that is due as soon as the commit interval has passed. A clock that moves because nothing
  /// comes can wait, unless rows come of it or others learn the time from here.
  bool needs_commit() const;
  /// Bytes of state changed since the last commit.
  std::int64_t dirty_bytes() const { return store_ ? store_->dirty_bytes() : 0; }
  bool is_dirty() const { return store_ != nullptr && store_->dirty_rows() > 0; }
  Watermark watermark() const { return tracker_->watermark(); }
  bool idle() const { return tracker_->idle(); }
  /// Shows the size of its state; cheap to call often.
  void RefreshMetrics();

  /// Before a checkpoint: false while rows are on their way to a sink, after at most `wait` (Sink::Settle).
  bool Settle(Duration wait) { return chain_->Settle(wait); }
  /// Checkpoint step 2: sinks prepare, dirty state goes to the changelogs.
  Status Prepare(Producer& producer);
  /// Offsets to commit with this task's progress.
  std::vector<CommittedOffset> Offsets() const;
  /// Checkpoint step 4, after the transaction: state to disk, sinks publish.
  Status Commit(const Producer& producer);
  /// Before a clean stop, with nothing uncommitted: sinks publish what is committed. There is progress then
  /// when notes of sinks are committed, which the next checkpoint leaves out.
  Status Publish();
  /// Sinks forget everything since the last commit; nothing but destruction may follow. State that was not
  /// committed lives in memory only and goes with the object.
  Status Abandon();
  /// Precondition: nothing uncommitted.
  Status Close();

  /// Adds its rows when the step is one of its own. Precondition: nothing uncommitted.
  Status Answer(const StateQuery& query, StateAnswer* answer);

  /// True once its state on disk did not verify. Abandon it then, and set its state aside.
  bool state_is_corrupt() const { return store_ != nullptr && store_->corrupt(); }
  /// Closes the state and sets its directory aside: the task's next life rebuilds it from the changelogs.
  /// Nothing but destruction may follow.
  Status SetStateAside(const Status& why);

 private:
  Task(TaskId id, const TaskContext& context);
  Status Open();
  Result<std::unique_ptr<StateStore>> OpenStore();
  Result<TaskProgram> MakeProgram();
  Status WriteChangelogs(Producer& producer);
  std::size_t InputIndex(const std::string& topic) const;
  /// Precondition: the block has records.
  Status ProcessRecords(std::size_t input, const std::shared_ptr<const RecordBlock>& block);
  Status ProcessBatch(std::size_t input, Batch batch, const RecordBlock& block);

  const TaskId id_;
  const TaskContext context_;
  const SubTopology& sub_;
  const std::string name_;                        // "<sub-topology>_<partition>"
  std::vector<TopicPartition> input_partitions_;  // by input index of the program
  std::string state_directory_;                   // of store_
  std::unique_ptr<StateStore> store_;
  std::vector<TaskProgram::Input> inputs_;
  std::function<Status(const std::string&, std::string_view)> publish_note_;  // TaskProgram::publish_note
  StateMetrics state_metrics_;
  StepMetrics source_metrics_;
  StateNotes state_notes_;
  std::map<std::string, Counter*> changelog_bytes_;  // by table
  DeadLetterWriter dead_letters_;
  std::unique_ptr<Chain> chain_;
  std::unique_ptr<WatermarkTracker> tracker_;
  std::vector<Offset> positions_;                   // by input: next offset to process
  std::vector<std::optional<std::int32_t>> begun_;  // by input: StartPosition::begun
  std::optional<EventTime> first_run_;              // kFirstRunNote; nullopt: unknown, or no step asks
  bool needs_first_run_ = false;
  std::map<std::string, std::string> notes_;  // of sinks, as committed last
  bool noted_ = false;                        // sinks have notes beside the offsets committed last
  bool progress_ = false;
  /// When the idle clock first moved since the last commit.
  std::optional<std::chrono::nanoseconds> clock_moved_at_;
  std::optional<std::chrono::nanoseconds> committed_at_;
};

}  // namespace millrace
