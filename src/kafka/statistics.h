#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace millrace::kafka {

/// What one statistics report of librdkafka says about a partition.
struct PartitionStatistics {
  TopicPartition partition;
  std::int64_t last_stable = -1;  ///< -1: not known yet
  std::int64_t high = -1;
  /// Since anything came from the partition's leader, at the time of the report; max() when unknown. A leader
  /// with nothing to send still answers each fetch after fetch.wait.max.ms.
  std::chrono::microseconds leader_silent = std::chrono::microseconds::max();
};

/// Reads the parts above from the JSON text; empty when the text is not what librdkafka writes.
std::vector<PartitionStatistics> ReadStatistics(std::string_view json);

}  // namespace millrace::kafka
