#include "ops/row_place.h"

#include <xxhash.h>

namespace millrace {

std::uint64_t OriginRank(const Batch& batch) {
  const TopicPartition& partition =
      batch.block == nullptr ? batch.origin.partition : batch.block->partition();
  const std::uint64_t topic = XXH3_64bits(partition.topic.data(), partition.topic.size());
  return (topic & ~0xffffffffULL) | static_cast<std::uint32_t>(partition.partition.value());
}

}  // namespace millrace
