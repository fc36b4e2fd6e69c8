#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "connect/cluster.h"
#include "runtime/changelog_place.h"
#include "runtime/task_context.h"

namespace millrace {

struct StandbyOptions {
  /// Of this process's state directory, as its slots are called.
  std::string node;
  /// Copies of each task beside the one that runs.
  int copies = 1;
  /// Between two looks at who is in the group.
  Duration refresh{5'000};
};

/// Keeps the state of tasks that run on other machines: state directories that follow the changelogs, so that
/// a task which comes here has little left to restore. Nothing else depends on it: copies do not steer the
/// assignment, and what goes wrong with one is logged and tried again.
///
/// One per process. RunOnce is called on one thread; Take and Return by workers on theirs.
///
/// A copy:  wanted --(no worker has the task)--> catching up --(end of the changelogs)--> warm
///          any --(a worker takes the task | another node is to keep it | an error)--> closed
///
/// Invariants:
///   1. No copy is open of a task that is taken.
///   2. What a copy has written is a prefix of the committed changelog: whoever opens its directory goes on
///   from
///      there, or finds out that it cannot (FindChangelogPlaces).
class StandbyKeeper {
 public:
  /// Everything in `context` and `cluster` outlives the keeper. Precondition: cluster.groups() is not null.
  StandbyKeeper(const TaskContext& context, Cluster& cluster, StandbyOptions options);
  ~StandbyKeeper();

  /// Looks at the group when that is due, then reads changelogs for at most `wait`. False when there was
  /// nothing to wait for.
  bool RunOnce(Duration wait);

  /// A worker of this process is about to open the task: its copy is closed, and none is opened until Return.
  void Take(const TaskId& task);
  void Return(const TaskId& task);

 private:
  /// Rows stay on disk.
  class NoRows;
  struct Copy {
    std::unique_ptr<NoRows> no_rows;
    std::unique_ptr<StateStore> store;
    std::vector<ChangelogPlace> places;
    bool warm = false;
    bool changed = false;  // since it was last written
  };

  Status PlaceCopies();
  /// Opens those of `wanted` that are not there. Errors of one are logged; those of the cluster are returned.
  Status OpenCopies(const std::set<TaskId>& wanted);
  Status OpenCopy(const TaskId& task, const StateNotes& notes);
  Result<Copy> MakeCopy(const TaskId& task, const StateNotes& notes);
  /// State that is old is not trusted, however little has changed since: where a changelog has nothing new,
  /// the state is as of now.
  Status KeepYoung();
  Status Follow(Duration wait);
  Status Apply(const RecordBlock& block, Copy* copy);
  /// Offsets without records count as read; what is at the end of its changelogs is warm.
  Status NoteProgress(const TaskId& task, Copy* copy);
  /// Lets go of changelogs whose copies are closed.
  void StopReading();
  /// Precondition of both: mutex_ is held.
  Copy* FindCopy(const TopicPartition& changelog);
  void GiveUp(const TaskId& task, const Status& why);
  void CloseAll(const Status& why);
  void ShowMetrics();

  const TaskContext context_;
  Cluster& cluster_;
  const StandbyOptions options_;
  Gauge& tasks_;
  Gauge& tasks_warm_;
  Counter& records_;

  // Of the thread that calls RunOnce.
  std::unique_ptr<ChangelogReader> reader_;
  std::map<TopicPartition, TaskId> reading_;
  std::map<TaskId, std::string> refused_;  // why a copy was not opened, as logged
  std::optional<std::chrono::nanoseconds> placed_;
  std::chrono::nanoseconds written_{0};

  Mutex mutex_;
  ConditionVariable opened_;
  std::map<TaskId, Copy> copies_;  // guarded by mutex_
  std::set<TaskId> taken_;         // guarded by mutex_
  std::optional<TaskId> opening_;  // guarded by mutex_
};

}  // namespace millrace
