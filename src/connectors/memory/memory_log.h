#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/duration.h"
#include "base/ids.h"
#include "base/mutex.h"
#include "base/result.h"
#include "connect/group_member.h"
#include "connect/producer.h"
#include "connect/topic_admin.h"
#include "connectors/memory/group_coordinator.h"
#include "connectors/memory/memory_record.h"
#include "connectors/memory/partition_log.h"
#include "env/clock.h"

namespace millrace {

/// Calls of the log that can be made to fail.
enum class LogCall { kInit, kSend, kSendOffsets, kCommit, kAbort, kCommitOffsets, kPoll };

enum class FaultOutcome {
  kAborted,         ///< refused: the transaction must be aborted
  kUnknownDone,     ///< the call took effect but its answer was lost: kOutcomeUnknown
  kUnknownNotDone,  ///< the call never arrived: kOutcomeUnknown; a transaction stays open until Init or its
                    ///< timeout
  kFenced,          ///< another process has taken the transactional id
  kUnavailable,     ///< no answer, and nothing happened
};

/// Makes the `nth` call (1 = the next one) of a kind fail once.
struct Fault {
  LogCall call = LogCall::kCommit;
  int nth = 1;
  FaultOutcome outcome = FaultOutcome::kAborted;
};

struct MemoryLogOptions {
  /// Open transactions older than this are aborted by the log.
  Duration transaction_timeout{10'000};
  /// Largest key + value + headers of a record; the topic's `max.message.bytes` overrides it.
  std::int64_t max_message_bytes = 1'048'588;
};

/// Where a record went.
struct WrittenRecord {
  TopicPartition partition;
  Offset offset{0};
};

/// Who writes a transaction: a later Init of the same id raises the epoch and so fences this one.
struct ProducerIdentity {
  std::string transactional_id;
  std::int64_t epoch = 0;
};

/// A Kafka cluster in memory: topics, partitions, transactions, consumer groups, compaction, and faults on
/// demand.
///
/// Thread-safe. Has no thread of its own and never waits; the same calls in the same order give the same log.
/// Everything is lost with the object. `clock` is only used for transaction timeouts and must outlive the
/// log.
class MemoryLog {
 public:
  explicit MemoryLog(const Clock* clock, MemoryLogOptions options = {});
  MemoryLog(const MemoryLog&) = delete;
  MemoryLog& operator=(const MemoryLog&) = delete;

  const Clock& clock() const { return *clock_; }

  // --- Topics: errors as in TopicAdmin ---
  Status CreateTopic(const NewTopic& topic);
  Status DeleteTopic(const std::string& topic);
  /// Up to `partitions` in all, empty ones. Errors: kNotFound.
  Status AddPartitions(const std::string& topic, std::int32_t partitions);
  std::optional<TopicDescription> Describe(const std::string& topic) const;
  std::vector<TopicDescription> List() const;
  Status DeleteRecords(const TopicPartition& partition, Offset before);
  /// Compacts every partition of the topic now. See PartitionLog::Compact.
  Status Compact(const std::string& topic, bool drop_tombstones = false);

  // --- Records ---
  /// Writes outside transactions. Errors: kNotFound, kInvalidArgument when the record is too large.
  Result<WrittenRecord> Append(const OutgoingRecord& record);
  /// The same for tests; `record.offset` is ignored.
  Result<Offset> Append(const TopicPartition& partition, const MemoryRecord& record);
  /// All visible records; empty when there is no such partition.
  std::vector<MemoryRecord> Read(const TopicPartition& partition,
                                 Isolation isolation = Isolation::kReadCommitted) const;
  Result<FetchedRecords> Fetch(const TopicPartition& partition, Offset from, const FetchLimits& limits);
  Result<LogBounds> Bounds(const TopicPartition& partition);

  // --- Transactions: see Producer for errors ---
  Result<ProducerIdentity> Init(const std::string& transactional_id);
  Status Begin(const ProducerIdentity& producer);
  Result<WrittenRecord> Send(const ProducerIdentity& producer, const OutgoingRecord& record);
  Status SendOffsets(const ProducerIdentity& producer, const GroupToken& token,
                     std::span<const CommittedOffset> offsets);
  Status End(const ProducerIdentity& producer, bool commit);

  // --- Groups: used by MemoryGroupMember ---
  std::string Join(const std::string& group, const std::string& client_id,
                   const std::vector<std::string>& topics);
  void Leave(const std::string& group, const std::string& member_id);
  void Rejoin(const std::string& group, const std::string& member_id);
  /// Who is in the group now.
  std::vector<MemberDescription> Members(const std::string& group) const;
  MembershipView Observe(const std::string& group, const std::string& member_id) const;
  Result<std::vector<CommittedOffset>> Committed(const std::string& group,
                                                 std::span<const TopicPartition> partitions);
  /// Of whatever partitions, without those in open transactions.
  std::vector<CommittedOffset> AllCommitted(const std::string& group) const;
  Status CommitOffsets(const GroupToken& token, std::span<const CommittedOffset> offsets);

  // --- Tests make trouble ---
  void Inject(const Fault& fault);
  /// Makes the records at [first, next) unreadable. Errors: kNotFound.
  Status Break(const TopicPartition& partition, Offset first, Offset next);
  /// Removes the member of `client_id` as after a session timeout: it learns of it at its next Poll (lost =
  /// true).
  void KickMember(const std::string& group, const std::string& client_id);
  /// The next transaction with records in `partition` that is committed stays open there until
  /// WriteLostEnd, though it counts as committed: what Kafka 4 does when the partition has no leader then.
  void LoseEnd(const TopicPartition& partition);
  /// Precondition: an end was lost.
  void WriteLostEnd();
  /// Nothing more is injected; counts of calls start again.
  void ClearFaults();
  /// The fault for this call, if any; counts the call.
  std::optional<FaultOutcome> NextFault(LogCall call);

 private:
  struct Topic {
    TopicDescription description;
    std::vector<PartitionLog> partitions;
  };
  struct Transaction {
    std::int64_t epoch = 0;
    TransactionNumber number = 0;  // 0: none open
    std::int64_t began_ms = 0;
    std::set<TopicPartition> partitions;
    std::map<std::string, std::vector<CommittedOffset>> offsets;  // by group
  };

  // All private methods: `mutex_` is held.
  PartitionLog* Find(const TopicPartition& partition);
  const PartitionLog* Find(const TopicPartition& partition) const;
  Result<WrittenRecord> AppendLocked(const OutgoingRecord& record, TransactionNumber number);
  Result<Transaction*> Owned(const ProducerIdentity& producer);
  void EndLocked(Transaction& transaction, bool commit);
  void AbortExpired();
  GroupCoordinator::PartitionCounts Counts() const;
  std::int64_t MaxMessageBytes(const Topic& topic) const;

  const Clock* const clock_;
  const MemoryLogOptions options_;

  mutable Mutex mutex_;
  // Guarded by mutex_:
  std::map<std::string, Topic> topics_;
  std::map<std::string, Transaction> transactions_;  // by transactional id
  std::map<std::string, GroupCoordinator> groups_;
  std::vector<Fault> faults_;  // `nth` counts down
  std::optional<TopicPartition> lose_end_in_;
  std::optional<std::pair<TopicPartition, TransactionNumber>> lost_end_;
  TransactionNumber last_transaction_ = 0;
  std::int64_t last_topic_id_ = 0;
  std::int64_t keyless_records_ = 0;
};

/// The GroupToken of this connector.
class MemoryGroupToken final : public GroupToken {
 public:
  MemoryGroupToken(std::string group, std::string member_id, std::int32_t generation)
      : group_(std::move(group)), member_id_(std::move(member_id)), generation_(generation) {}
  const std::string& group() const { return group_; }
  const std::string& member_id() const { return member_id_; }
  std::int32_t generation() const { return generation_; }

 private:
  const std::string group_;
  const std::string member_id_;
  const std::int32_t generation_;
};

}  // namespace millrace
