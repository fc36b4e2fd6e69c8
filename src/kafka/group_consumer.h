#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/duration.h"
#include "base/ids.h"
#include "base/result.h"
#include "columnar/record_block.h"
#include "kafka/client.h"
#include "kafka/fetch.h"
#include "kafka/offsets.h"
#include "kafka/statistics.h"

typedef struct rd_kafka_consumer_group_metadata_s rd_kafka_consumer_group_metadata_t;

namespace millrace::kafka {

/// Proof of membership in one generation of a group, with the partitions held in it. Immutable, thread-safe.
class GroupMembership {
 public:
  /// Takes ownership of `metadata`.
  GroupMembership(rd_kafka_consumer_group_metadata_t* metadata, std::set<TopicPartition> partitions)
      : metadata_(metadata), partitions_(std::move(partitions)) {}
  GroupMembership(const GroupMembership&) = delete;
  GroupMembership& operator=(const GroupMembership&) = delete;
  ~GroupMembership();

  const rd_kafka_consumer_group_metadata_t* metadata() const { return metadata_; }
  bool Holds(const TopicPartition& partition) const { return partitions_.contains(partition); }

 private:
  rd_kafka_consumer_group_metadata_t* const metadata_;
  const std::set<TopicPartition> partitions_;
};

/// For committing offsets of `partitions` to a group that nobody is in.
std::shared_ptr<const GroupMembership> MembershipOfNobody(const std::string& group,
                                                          std::set<TopicPartition> partitions);

/// Told about the assignment from inside Poll or Close.
class RebalanceListener {
 public:
  virtual ~RebalanceListener() = default;
  virtual void OnAssigned(std::vector<TopicPartition> partitions) = 0;
  virtual void OnRevoked(std::vector<TopicPartition> partitions, bool lost) = 0;
};

struct ConsumerProgress {
  Offset position = kNoOffset;
  Offset last_stable = kNoOffset;
  Offset high = kNoOffset;
  Duration since_last_fetch = Duration::max();
};

/// A member of a consumer group. The assignor is range, so partition n of all topics stays together: dealt by
/// the members with the classic protocol, by the broker with the consumer protocol. Where the properties ask
/// for the latter and the cluster does not offer it, or the group has members that it may not convert, the
/// member says so and goes on with the classic one.
///
/// One owner, one thread; callbacks come on that thread, from inside Poll and Close.
/// Assigned partitions are held back inside the assign callback and deliver from the offset given to Start.
/// With the classic protocol every assignment follows a revocation of everything; with the consumer protocol
/// both name only what changes, and may name nothing.
class GroupConsumer final : private ClientHooks {
 public:
  static Result<std::unique_ptr<GroupConsumer>> Make(const ClientOptions& options, const std::string& group);
  ~GroupConsumer() override;

  /// `listener` must outlive the consumer.
  Status Subscribe(const std::vector<std::string>& topics, RebalanceListener* listener);
  /// Blocks that came within `limits.wait`, at most one per partition. With max_records = 0 only events are
  /// served, records stay where they are.
  Result<std::vector<std::shared_ptr<const RecordBlock>>> Poll(const FetchLimits& limits);

  /// See Fetch::TakeSkipped.
  std::vector<SkippedRecords> TakeSkipped() { return fetch_->TakeSkipped(); }

  Status Start(const TopicPartition& partition, Offset offset);
  Status Pause(const TopicPartition& partition);
  Status Resume(const TopicPartition& partition);

  /// Waits for open transactions that wrote offsets (require_stable). Errors: kTimeout after `wait`.
  Result<std::vector<GroupOffset>> Committed(std::span<const TopicPartition> partitions, Duration wait);
  Result<std::pair<Offset, Offset>> Bounds(const TopicPartition& partition);
  /// The end for read_committed: before the first record of an open transaction.
  Result<Offset> StableEnd(const TopicPartition& partition);
  ConsumerProgress Progress(const TopicPartition& partition);

  /// Errors: kAborted when a partition is not held.
  Status Commit(std::span<const GroupOffset> offsets);
  /// To be asked for before each commit. With the classic protocol it is taken when the partitions were
  /// assigned and dropped when they were revoked: the broker would accept fresh metadata even for a partition
  /// that has moved. With the consumer protocol it is taken now, because the epoch moves without a callback;
  /// a member that was fenced gets no new one before it has given up everything. Errors: kAborted when no
  /// valid generation is held.
  Result<std::shared_ptr<const GroupMembership>> Membership();
  bool AssignmentLost();

  /// Leaves the group; revokes first. Idempotent.
  Status Close();

 private:
  GroupConsumer(ClientOptions options, std::string group);
  void OnRebalance(int code, rd_kafka_topic_partition_list_t* partitions) override;
  void OnStatistics(std::string_view json) override;
  void Assign(rd_kafka_topic_partition_list_t* partitions);
  Status MakeClient(GroupProtocol protocol);
  Status Join();
  /// Collects more, until there is no room or `limits.linger` has passed.
  Status Linger(const FetchLimits& limits);
  /// What is held is revoked and assigned again.
  Status JoinAnew(const Status& cause);
  /// The same for one partition, without the group taking part.
  void TakeAnew(const TopicPartition& partition, const Status& cause);
  Status GiveUp(const GonePartition& gone);
  void Revoke(rd_kafka_topic_partition_list_t* partitions);
  /// Ends what is kept of partitions that were given up.
  void Drop(const std::vector<TopicPartition>& partitions);
  void TakeMembership();
  /// librdkafka has given up. Errors: what a new client cannot get over.
  Status OnFatalError();
  /// Whatever is held is lost, and a new client joins.
  Status JoinWithNewClient(GroupProtocol protocol);
  Status FallBackToClassic(const std::string& reason);
  /// Falls back when the coordinator does not know the heartbeat of the consumer protocol.
  Status WatchFirstHeartbeat();
  /// Partitions that stay were paused during a rebalance; this wakes librdkafka's threads that fetch them.
  void WakeFetching();
  Status ServeEvents(Duration wait);
  Status Seek(const TopicPartition& partition, Offset offset);
  Status CheckHeld(const TopicPartition& partition) const;

  const ClientOptions options_;
  const std::string group_;
  const Clock& clock_;
  MetricRegistry* const metrics_;
  RebalanceListener* listener_ = nullptr;
  std::vector<std::string> topics_;
  std::set<TopicPartition> held_;
  bool joins_anew_ = false;  // until the next assignment
  GroupProtocol protocol_ = GroupProtocol::kClassic;
  bool was_assigned_ = false;  // by this client
  std::chrono::nanoseconds coordinator_reached_at_{-1};
  std::shared_ptr<const GroupMembership> membership_;
  std::unordered_map<TopicPartition, PartitionStatistics> statistics_;
  std::chrono::nanoseconds statistics_at_{0};
  Status pending_error_;
  bool closed_ = false;

  std::unique_ptr<Client> client_;
  std::unique_ptr<Fetch> fetch_;  // after client_: its queue must go first
};

}  // namespace millrace::kafka
