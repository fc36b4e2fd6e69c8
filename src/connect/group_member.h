#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/duration.h"
#include "base/ids.h"
#include "base/result.h"
#include "columnar/record_block.h"
#include "connect/undecodable.h"

namespace millrace {

/// The offset where a group goes on reading, with the metadata committed beside it.
struct CommittedOffset {
  TopicPartition partition;
  Offset offset = kNoOffset;  ///< kNoOffset: nothing committed yet
  std::string metadata;
};

/// Proof of membership that goes with offsets into a transaction. Opaque; made by a GroupMember, read by the
/// Transaction of the same connector.
class GroupToken {
 public:
  virtual ~GroupToken() = default;
};

/// Where a partition stands, for lag and idleness (T3).
struct PartitionProgress {
  Offset position = kNoOffset;     ///< the next record Poll will return
  Offset last_stable = kNoOffset;  ///< end for read_committed
  Offset high = kNoOffset;         ///< end of the log
  /// Since the broker last answered a fetch of this partition; max() when it never did.
  Duration since_last_fetch = Duration::max();
};

/// Told about the assignment from inside Poll or Close, on the caller's thread.
class AssignmentListener {
 public:
  virtual ~AssignmentListener() = default;
  /// New partitions, paused until GroupMember::Start is called for them.
  /// None: nothing came, and what is held stays.
  virtual void OnAssigned(std::vector<TopicPartition> partitions) = 0;
  /// These partitions leave; others may stay. `lost`: they already belong to somebody else, so nothing may be
  /// committed for them.
  virtual void OnRevoked(std::vector<TopicPartition> partitions, bool lost) = 0;
};

struct PollLimits {
  Duration wait{100};                 ///< for the first record
  std::int64_t max_records = 65'536;  ///< over all blocks returned
  std::int64_t max_bytes = 16 << 20;
  Duration linger{0};  ///< for more records after the first, while there is room
};

/// One consumer of a group: the input side that a worker drives. One owner, one thread.
///
/// Life: Subscribe -> Poll* -> Close. Partitions arrive through the listener; each starts delivering after
/// Start.
class GroupMember {
 public:
  virtual ~GroupMember() = default;

  /// Joins the group. `listener` must outlive the member.
  virtual Status Subscribe(const std::vector<std::string>& topics, AssignmentListener* listener) = 0;

  /// Blocks of records, at most one per partition, each with records in offset order; empty when none came in
  /// time. Keeps the membership alive: call it at least every few seconds, also when everything is stalled
  /// (then with max_records = 0, which serves events and delivers nothing). When the next record of a
  /// partition is not in the log any more, the member gives that one up and takes it anew, or all of them by
  /// joining the group anew, so that whoever starts them again decides where to go on.
  virtual Result<std::vector<std::shared_ptr<const RecordBlock>>> Poll(const PollLimits& limits) = 0;

  /// What Poll passed over since the last call, of partitions still started. To be settled in the transaction
  /// that moves the position past it (R3), so: to be taken after every Poll that succeeded.
  virtual std::vector<UndecodableRecords> TakeUndecodable() = 0;

  /// Starts delivery of an assigned partition at `offset`; on one already started, seeks there.
  virtual Status Start(const TopicPartition& partition, Offset offset) = 0;
  virtual Status Pause(const TopicPartition& partition) = 0;
  virtual Status Resume(const TopicPartition& partition) = 0;

  /// Stable committed offsets. Errors: kTimeout when an open transaction of a predecessor holds them for
  /// longer than `wait`.
  virtual Result<std::vector<CommittedOffset>> Committed(std::span<const TopicPartition> partitions,
                                                         Duration wait) = 0;
  /// Waits longer than a predecessor's transaction may stay open.
  Result<std::vector<CommittedOffset>> Committed(std::span<const TopicPartition> partitions) {
    return Committed(partitions, Duration(30'000));
  }
  /// First and next offset of the log. Errors: kUnavailable when the broker does not answer.
  virtual Result<std::pair<Offset, Offset>> Bounds(const TopicPartition& partition) = 0;
  /// Where a read_committed reader would end now: before the first record of an open transaction. Errors: as
  /// Bounds.
  virtual Result<Offset> StableEnd(const TopicPartition& partition) = 0;
  virtual PartitionProgress Progress(const TopicPartition& partition) = 0;

  /// Commits outside a transaction (at_least_once). Errors: kAborted when this member no longer owns a
  /// partition.
  virtual Status CommitOffsets(std::span<const CommittedOffset> offsets) = 0;
  /// To be asked for before each commit, and only for offsets of partitions assigned now. Errors: kAborted
  /// when the membership is not valid (never generation < 0 or an empty member id).
  virtual Result<std::shared_ptr<const GroupToken>> Token() = 0;
  /// True when the group took the assignment away without a callback yet: abort, do not commit.
  virtual bool AssignmentLost() = 0;

  /// Leaves the group at once; calls OnRevoked(lost = false) for what is still assigned.
  virtual Status Close() = 0;
};

}  // namespace millrace
