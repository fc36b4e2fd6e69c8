#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <unordered_set>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "columnar/record_block.h"
#include "connectors/memory/memory_record.h"

namespace millrace {

/// Numbers the transactions of one MemoryLog; 0 is "outside a transaction".
using TransactionNumber = std::int64_t;

/// Ends of one partition.
struct LogBounds {
  Offset start{0};
  Offset last_stable{0};  ///< the first offset of an open transaction, else `high`
  Offset high{0};         ///< the next offset to be written
};

/// What one fetch found.
struct FetchedRecords {
  std::shared_ptr<const RecordBlock> block;       ///< null when no record is visible
  Offset next{0};                                 ///< where to go on: passes markers and aborted records
  std::vector<std::pair<Offset, Offset>> broken;  ///< [first, next): visible records that cannot be read
};

struct FetchLimits {
  Isolation isolation = Isolation::kReadCommitted;
  std::int64_t max_records = 0;
  std::int64_t max_bytes = 0;  ///< at least one record is returned whatever its size
};

/// The records of one partition in offset order, with transaction markers that occupy an offset as in Kafka.
/// Not thread-safe: MemoryLog guards it.
class PartitionLog {
 public:
  explicit PartitionLog(TopicPartition partition) : partition_(std::move(partition)) {}

  Offset Append(MemoryRecord record, TransactionNumber transaction);
  /// Writes the commit or abort marker. No effect when the transaction wrote nothing here.
  void EndTransaction(TransactionNumber transaction, bool commit);

  LogBounds Bounds() const;
  /// Errors: kAborted when `from` is outside the log.
  Result<FetchedRecords> Fetch(Offset from, const FetchLimits& limits) const;
  std::vector<MemoryRecord> Read(Isolation isolation) const;

  /// Keeps the last committed record of each key; with `drop_tombstones` also forgets keys whose last value
  /// is null. Records at or above the last stable offset and records without a key stay. Offsets do not
  /// change.
  void Compact(bool drop_tombstones);
  /// From now on the records at [first, next) cannot be read, as after damage to the disk.
  void Break(Offset first, Offset next);
  /// Removes everything below `before`. Precondition: before <= high.
  void DeleteBefore(Offset before);

 private:
  enum class Kind { kData, kMarker };
  struct Entry {
    MemoryRecord record;
    TransactionNumber transaction = 0;
    Kind kind = Kind::kData;
    bool broken = false;
  };
  std::deque<Entry>::const_iterator At(Offset offset) const;
  bool Visible(const Entry& entry, Isolation isolation) const;

  const TopicPartition partition_;
  std::deque<Entry> entries_;  // ascending offsets, gaps after compaction
  Offset start_{0};
  Offset high_{0};
  std::map<TransactionNumber, Offset> open_;  // first offset of each open transaction
  std::unordered_set<TransactionNumber> aborted_;
};

}  // namespace millrace
