#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "columnar/record_block.h"
#include "connect/group_member.h"

namespace millrace {

/// Partition chosen by murmur2 of the key (random when the key is null), as the Java client does.
inline constexpr Partition kPartitionByKey{-1};

/// One record to write. Views must stay valid only during Send.
struct OutgoingRecord {
  std::string_view topic{};
  Partition partition = kPartitionByKey;
  BytesView key{};
  BytesView value{};
  std::int64_t timestamp_ms =
      0;  ///< event times < 1 are written as 1 with the exact value in header millrace.event_time
  std::span<const HeaderView> headers{};
};

/// Writes records, in transactions or without. One owner, one thread.
///
/// exactly_once: Init -> (Begin -> Send* -> SendOffsets -> Commit | Abort)* -> destroy. After kOutcomeUnknown
/// or kFenced the object must be destroyed: nothing else is allowed. at_least_once: Init -> (Send* ->
/// Flush)*.
class Producer {
 public:
  virtual ~Producer() = default;

  /// Transactional: fences and ends what an earlier holder of the transactional id left. Errors:
  /// kUnavailable.
  virtual Status Init() = 0;
  virtual Status Begin() = 0;
  /// Copies the record into a bounded queue; blocks while it is full. Records of one partition keep their
  /// order. Errors: kAborted when an earlier record of this transaction failed; user error when the record is
  /// too large.
  virtual Status Send(const OutgoingRecord& record) = 0;
  /// Send for many records of one partition, without headers, whose timestamp is the time of sending:
  /// `now_ms` where the connector has no clock of its own. On an error some of them may have been sent.
  virtual Status SendAll(std::string_view topic, Partition partition, std::int64_t now_ms,
                         std::span<const KeyValue> records) {
    for (const KeyValue& record : records) {
      Status sent = Send({.topic = topic,
                          .partition = partition,
                          .key = record.key,
                          .value = record.value,
                          .timestamp_ms = now_ms});
      if (!sent.ok()) return sent;
    }
    return Status::Ok();
  }
  /// Waits until everything sent was acknowledged. Errors: the first delivery error since the last Flush or
  /// Begin.
  virtual Status Flush() = 0;
  virtual Status SendOffsets(std::span<const CommittedOffset> offsets, const GroupToken& token) = 0;
  /// Flushes and commits. Errors: kAborted (call Abort), kOutcomeUnknown, kFenced.
  virtual Status Commit() = 0;
  virtual Status Abort() = 0;
  /// The offset after the last acknowledged record of this producer in `partition`, kNoOffset when there is
  /// none. Exact after Flush or Commit.
  virtual Offset AcknowledgedEnd(const TopicPartition& partition) const = 0;
};

}  // namespace millrace
