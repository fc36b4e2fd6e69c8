#pragma once

#include <map>
#include <memory>
#include <string>

#include "connect/cluster.h"

namespace millrace {

/// What a worker was told about its input partitions since the last Clear.
struct InputProbe {
  std::map<TopicPartition, PartitionProgress> seen;
};

/// Another cluster whose group members write to `probe` what they answer. Both must outlive it and what it
/// makes. One thread.
std::unique_ptr<Cluster> MakeProbedCluster(Cluster* cluster, InputProbe* probe);

}  // namespace millrace
