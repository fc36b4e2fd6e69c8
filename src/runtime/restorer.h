#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "connect/cluster.h"
#include "runtime/changelog_place.h"
#include "runtime/task.h"

namespace millrace {

/// Rebuilds the state of tasks from their changelogs, a slice of work at a time, beside running tasks.
///
/// A task waits for the end of every transaction that wrote to its changelogs before, also when its disk has
/// all of their rows: what its outputs hold of such a transaction is not decided yet, and a transaction of
/// its own would decide it.
///
/// One owner, one thread. Per task: Add -> Step* until it is returned -> (or Remove).
class Restorer {
 public:
  Restorer(std::unique_ptr<ChangelogReader> reader, TopicAdmin& admin, const Clock& clock,
           MetricRegistry& metrics);

  /// Begins restoring. `task` must stay alive until Step returned it or Remove was called. A task that has
  /// nothing to read is returned by the next Step.
  Status Add(Task* task);
  void Remove(Task* task);

  /// Reads for at most `wait`; returns the tasks whose state is complete.
  Result<std::vector<Task*>> Step(Duration wait);
  bool empty() const { return tasks_.empty(); }

 private:
  struct Table {
    Task* task = nullptr;
    ChangelogPlace place;               // as it was when restoring began, but for `applied`
    bool settled = true;                // no transaction is open below the end
    std::chrono::nanoseconds asked{0};  // when `settled` was last looked at
  };
  /// Errors: user error when a table that was committed with the task's inputs belongs to another
  /// sub-topology now.
  Status CheckNothingMoved(const Task& task);
  Status Begin(Table table);
  Status ReadChangelogs(Duration wait);
  /// Ends the reading of tables that have come to their end.
  Status FinishTables();
  Result<bool> IsComplete(Table& table);
  Status FinishTable(const TopicPartition& changelog);
  void LogProgress();

  const std::unique_ptr<ChangelogReader> reader_;
  TopicAdmin& admin_;
  const Clock& clock_;
  Counter& rows_restored_;
  Gauge& rows_left_;
  std::map<Task*, int> tasks_;  // tables still to be read
  std::map<TopicPartition, Table> tables_;
  std::chrono::nanoseconds last_log_{0};
};

}  // namespace millrace
