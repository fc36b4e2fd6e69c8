#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "connect/group_member.h"

namespace millrace {

/// A member of a consumer group, as its coordinator knows it.
struct MemberDescription {
  std::string client_id;
  std::string host;                      ///< its address
  std::vector<TopicPartition> assigned;  ///< none while a rebalance is going on
};

/// Consumer groups of a cluster, looked at and changed from outside: the group does not notice. Thread-safe.
class GroupAdmin {
 public:
  virtual ~GroupAdmin() = default;
  /// Who is in the group now; nobody when there is no such group. A member that died is there until its
  /// session times out. Errors: kUnavailable or kTimeout when no broker answers in time, kPermissionDenied.
  virtual Result<std::vector<MemberDescription>> Members(const std::string& group) = 0;
  /// Every offset that the group has committed, of whatever topics; those of a transaction that is still open
  /// are not among them. Errors: as Members.
  virtual Result<std::vector<CommittedOffset>> Offsets(const std::string& group) = 0;
  /// Sets committed offsets of a group without members. Errors: kAborted when it has some; as Members.
  virtual Status SetOffsets(const std::string& group, std::span<const CommittedOffset> offsets) = 0;
  /// With it, offsets of `partitions` can go into a transaction though nobody is in the group. The broker may
  /// also take them while somebody is: ask for the members after sending them. Who joins from then on waits
  /// for the end of the transaction before it reads its offsets.
  virtual Result<std::shared_ptr<const GroupToken>> EmptyGroupToken(
      const std::string& group, std::span<const TopicPartition> partitions) = 0;
};

}  // namespace millrace
