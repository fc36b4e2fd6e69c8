#pragma once

#include <cstdint>

#include "base/byte_size.h"
#include "kafka/properties.h"

namespace millrace {

/// How `memory` of a pipeline is divided among everything in the process that grows with the load (D4).
///
/// Shares of the whole: state in memory 1/4, RocksDB (block cache and memtables) 1/4, records fetched ahead
/// 1/4, batches under way 1/8, records on their way to the broker 1/8. What is counted in records or messages
/// assumes a size for each, stated in the .cc file.
struct MemoryBudget {
  // Of the process.
  ByteCount rocksdb{0};
  ByteCount state{0};  ///< of all tasks together

  // Of one worker.
  ByteCount fetched_bytes{0};         ///< values in the queue of fetched records
  std::int64_t fetched_messages = 0;  ///< no more are asked for while the queue holds as many
  ByteCount answer_bytes{0};          ///< compressed, of one partition in one answer of a broker
  ByteCount batch_bytes{0};           ///< keys, values and headers of the records taken at once
  std::int64_t batch_records = 0;
  ByteCount produced_bytes{0};
  std::int64_t produced_messages = 0;
};

/// Precondition: workers > 0. Small `memory` gets least amounts without which nothing would move.
MemoryBudget SplitMemory(ByteCount memory, int workers);

/// Sets librdkafka's bounds where the user has not set them.
void BoundQueues(const MemoryBudget& budget, kafka::Properties* properties);

}  // namespace millrace
