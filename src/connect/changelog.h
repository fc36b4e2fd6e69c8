#pragma once

#include <memory>
#include <vector>

#include "base/duration.h"
#include "base/ids.h"
#include "base/result.h"
#include "columnar/record_block.h"
#include "connect/undecodable.h"

namespace millrace {

/// Reads changelog partitions outside the group, read_committed, to rebuild state. One owner, one thread.
class ChangelogReader {
 public:
  virtual ~ChangelogReader() = default;

  /// First offset, and the end of the log asked with READ_UNCOMMITTED (a read_committed end would stop
  /// early).
  virtual Result<std::pair<Offset, Offset>> Bounds(const TopicPartition& partition) = 0;
  /// The first offset of an open transaction, the end of the log when there is none.
  virtual Result<Offset> StableEnd(const TopicPartition& partition) = 0;
  /// Starts reading `partition` at `from`; several may be read at a time.
  virtual Status Add(const TopicPartition& partition, Offset from) = 0;
  virtual Status Remove(const TopicPartition& partition) = 0;
  /// Blocks that arrived within `wait`, at most one per partition.
  virtual Result<std::vector<std::shared_ptr<const RecordBlock>>> Poll(Duration wait) = 0;
  /// What Poll passed over since the last call. State that was read without it is not the state.
  virtual std::vector<UndecodableRecords> TakeUndecodable() = 0;
  /// The consumer's position: passes transaction markers, so it reaches the end even when the last record is
  /// one.
  virtual Offset Position(const TopicPartition& partition) = 0;
};

}  // namespace millrace
