#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "connect/group_admin.h"

namespace millrace {

/// What a member sees of its group.
struct MembershipView {
  bool known = false;        ///< false: the group has removed this member
  bool must_rejoin = false;  ///< a rebalance waits for this member to give up its partitions and call Rejoin
  bool stable = false;       ///< no rebalance is going on
  std::int32_t generation = 0;
  std::vector<TopicPartition> assignment;  ///< of `generation`; meaningful when stable
};

/// One consumer group: members, rebalances and committed offsets, as Kafka's classic protocol with the eager
/// range assignor does it. Not thread-safe: MemoryLog guards it.
///
///   stable --(a member joins or leaves, a topic changes)--> preparing --(every member has rejoined)-->
///   stable
///
/// While preparing, members may still commit under the generation that ends, as in Kafka.
class GroupCoordinator {
 public:
  using PartitionCounts = std::map<std::string, std::int32_t>;

  /// Members are ordered by client id, then by the order of joining. Starts a rebalance.
  std::string Join(const std::string& client_id, std::vector<std::string> topics);
  /// Removes the member. No effect when it is not there.
  void Leave(const std::string& member_id, const PartitionCounts& topics);
  /// The member has given up its partitions. The last one to call it ends the rebalance.
  void Rejoin(const std::string& member_id, const PartitionCounts& topics);
  /// A topic came, went or changed: starts a rebalance when a member reads it.
  void TopicChanged(const std::string& topic);

  MembershipView Observe(const std::string& member_id) const;
  /// In the order of member ids.
  std::vector<MemberDescription> Members() const;
  /// True when a member with this generation may commit; as in Kafka, also one without id while there are no
  /// members.
  bool MayCommit(const std::string& member_id, std::int32_t generation) const;
  /// The member that joined under `client_id`, or "".
  std::string MemberOf(const std::string& client_id) const;

  void Store(std::span<const CommittedOffset> offsets);
  CommittedOffset Stored(const TopicPartition& partition) const;
  std::vector<CommittedOffset> AllStored() const;
  void Forget(const TopicPartition& partition) { committed_.erase(partition); }

 private:
  struct Member {
    std::string client_id;
    std::vector<std::string> topics;
    bool joined = false;
    std::vector<TopicPartition> assignment;
  };
  void StartRebalance();
  void EndRebalanceWhenAllJoined(const PartitionCounts& topics);
  void AssignRanges(const PartitionCounts& topics);

  std::map<std::string, Member> members_;  // by member id
  bool preparing_ = false;
  std::int32_t generation_ = 0;
  std::int64_t members_ever_ = 0;
  std::map<TopicPartition, CommittedOffset> committed_;
};

}  // namespace millrace
