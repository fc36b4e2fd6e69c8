#include "engine/memory_budget.h"

#include <algorithm>
#include <string>

namespace millrace {
namespace {

constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;

// A message in a queue of librdkafka, beside its value: the operation that carries it and the allocator's
// share.
constexpr std::int64_t kBytesPerMessage = 512;
// A record of a batch takes its bytes up to four times (raw, as columns, as a selection, encoded again) and
// this much for views, offsets and fixed-width columns.
constexpr std::int64_t kCopiesOfABatch = 4;
constexpr std::int64_t kBytesPerBatchRecord = 256;

// More ahead only costs: at two million records per second these last 5 ms, much longer than a fetch takes,
// and what waits in the queue stays small enough to be used again instead of touching new pages.
constexpr std::int64_t kMostFetchedMessages = 10'000;
constexpr std::int64_t kMostFetchedBytes = 8 * kMiB;
constexpr std::int64_t kMostProducedMessages = 1'000'000;
constexpr std::int64_t kMostProducedBytes = 64 * kMiB;

// An answer is decompressed as a whole, whatever the queue has room for. Texts and JSON become a tenth of
// their size, and a fiftieth where they repeat themselves.
constexpr std::int64_t kCompression = 64;
constexpr std::int64_t kLeastAnswerBytes = 64 * kKiB;  // what fetch.min.bytes waits for
constexpr std::int64_t kMostAnswerBytes = 512 * kKiB;

constexpr std::int64_t kLeastBytes = kMiB;
constexpr std::int64_t kLeastMessages = 1'000;

}  // namespace

MemoryBudget SplitMemory(ByteCount memory, int workers) {
  const std::int64_t quarter = memory.value() / 4;
  const std::int64_t fetched = quarter / workers;
  const std::int64_t eighth = memory.value() / 8 / workers;
  MemoryBudget budget;
  budget.rocksdb = ByteCount(quarter);
  budget.state = ByteCount(quarter);
  // Half for values, whose uncompressed batches stay until their last record is consumed, half for the rest.
  budget.fetched_bytes = ByteCount(std::clamp(fetched / 4, kLeastBytes, kMostFetchedBytes));
  budget.fetched_messages = std::clamp(fetched / 2 / kBytesPerMessage, kLeastMessages, kMostFetchedMessages);
  budget.answer_bytes =
      ByteCount(std::clamp(fetched / 4 / kCompression, kLeastAnswerBytes, kMostAnswerBytes));
  budget.batch_bytes = ByteCount(std::max(kLeastBytes, eighth / 2 / kCopiesOfABatch));
  budget.batch_records = std::max(kLeastMessages, eighth / 2 / kBytesPerBatchRecord);
  budget.produced_bytes = ByteCount(std::clamp(eighth / 2, kLeastBytes, kMostProducedBytes));
  budget.produced_messages = std::clamp(eighth / 2 / kBytesPerMessage, kLeastMessages, kMostProducedMessages);
  return budget;
}

void BoundQueues(const MemoryBudget& budget, kafka::Properties* properties) {
  const auto set = [properties](const char* name, std::int64_t value) {
    properties->emplace(name, std::to_string(value));
  };
  set("queued.max.messages.kbytes", budget.fetched_bytes.value() / kKiB);
  set("queued.min.messages", budget.fetched_messages);
  if (!properties->contains("fetch.message.max.bytes"))  // another name of the next one
    set("max.partition.fetch.bytes", budget.answer_bytes.value());
  set("fetch.max.bytes", budget.fetched_bytes.value());
  set("queue.buffering.max.kbytes", budget.produced_bytes.value() / kKiB);
  set("queue.buffering.max.messages", budget.produced_messages);
}

}  // namespace millrace
