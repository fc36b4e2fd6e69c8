#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/mutex.h"
#include "connect/cluster.h"
#include "env/thread.h"

namespace millrace {

/// Finds out where the processes of a pipeline answer for partitions: by the address that the owner of each
/// noted beside its last committed offset. One process may have died or lost the partition since.
///
/// Asks Kafka on a thread of its own, which begins with the first question. Thread-safe. Destruction waits
/// for the answer to the question under way and drops the others.
class StateOwners {
 public:
  /// Addresses by partition; those that nobody noted are left out.
  using Done = std::function<void(std::map<Partition, std::string>)>;

  /// `cluster` outlives this. `group`: of the pipeline.
  StateOwners(Cluster* cluster, std::string group);
  ~StateOwners();

  /// `done` is called on the thread of this, once, or on the asking one when too many wait already.
  void Find(std::vector<TopicPartition> inputs, Done done);

 private:
  struct Question {
    std::vector<TopicPartition> inputs;
    Done done;
  };
  void Run();
  std::map<Partition, std::string> Look(const std::vector<TopicPartition>& inputs);

  Cluster* const cluster_;
  const std::string group_;
  std::unique_ptr<GroupMember> member_;  // used by the thread only

  Mutex mutex_;
  ConditionVariable changed_;
  std::vector<Question> waiting_;  // guarded by mutex_
  bool stopping_ = false;          // guarded by mutex_
  Thread thread_;                  // guarded by mutex_
};

}  // namespace millrace
