#include "connectors/memory/group_coordinator.h"

#include <algorithm>
#include <set>
#include <utility>

namespace millrace {

std::string GroupCoordinator::Join(const std::string& client_id, std::vector<std::string> topics) {
  // Zero-padded, so that the order of ids is the order of joining.
  std::string number = std::to_string(++members_ever_);
  number.insert(0, 8 - std::min<std::size_t>(number.size(), 8), '0');
  const std::string member_id = client_id + "-" + number;
  members_[member_id] = Member{client_id, std::move(topics), false, {}};
  StartRebalance();
  return member_id;
}

void GroupCoordinator::Leave(const std::string& member_id, const PartitionCounts& topics) {
  if (members_.erase(member_id) == 0) return;
  if (!preparing_) StartRebalance();
  EndRebalanceWhenAllJoined(topics);
}

void GroupCoordinator::Rejoin(const std::string& member_id, const PartitionCounts& topics) {
  const auto it = members_.find(member_id);
  if (it == members_.end() || !preparing_) return;
  it->second.joined = true;
  EndRebalanceWhenAllJoined(topics);
}

void GroupCoordinator::TopicChanged(const std::string& topic) {
  for (const auto& [id, member] : members_) {
    if (std::find(member.topics.begin(), member.topics.end(), topic) == member.topics.end()) continue;
    StartRebalance();
    return;
  }
}

void GroupCoordinator::StartRebalance() {
  if (preparing_) return;
  preparing_ = true;
  for (auto& [id, member] : members_) member.joined = false;
}

void GroupCoordinator::EndRebalanceWhenAllJoined(const PartitionCounts& topics) {
  if (!preparing_ || members_.empty()) return;
  for (const auto& [id, member] : members_) {
    if (!member.joined) return;
  }
  ++generation_;
  AssignRanges(topics);
  preparing_ = false;
}

void GroupCoordinator::AssignRanges(const PartitionCounts& topics) {
  std::set<std::string> wanted;
  for (auto& [id, member] : members_) {
    member.assignment.clear();
    wanted.insert(member.topics.begin(), member.topics.end());
  }
  for (const std::string& topic : wanted) {
    const auto count = topics.find(topic);
    if (count == topics.end()) continue;
    std::vector<Member*> readers;
    for (auto& [id, member] : members_) {
      if (std::find(member.topics.begin(), member.topics.end(), topic) != member.topics.end()) {
        readers.push_back(&member);
      }
    }
    const auto share = count->second / static_cast<std::int32_t>(readers.size());
    const auto extra = count->second % static_cast<std::int32_t>(readers.size());
    std::int32_t next = 0;
    for (std::size_t i = 0; i < readers.size(); ++i) {
      const std::int32_t end = next + share + (static_cast<std::int32_t>(i) < extra ? 1 : 0);
      for (; next < end; ++next) readers[i]->assignment.push_back({topic, Partition(next)});
    }
  }
}

MembershipView GroupCoordinator::Observe(const std::string& member_id) const {
  MembershipView view;
  const auto it = members_.find(member_id);
  if (it == members_.end()) return view;
  view.known = true;
  view.must_rejoin = preparing_ && !it->second.joined;
  view.stable = !preparing_;
  view.generation = generation_;
  view.assignment = it->second.assignment;
  return view;
}

std::vector<MemberDescription> GroupCoordinator::Members() const {
  std::vector<MemberDescription> members;
  for (const auto& [id, member] : members_) {
    members.push_back({.client_id = member.client_id,
                       .host = "memory",
                       .assigned = preparing_ ? std::vector<TopicPartition>() : member.assignment});
  }
  return members;
}

bool GroupCoordinator::MayCommit(const std::string& member_id, std::int32_t generation) const {
  if (member_id.empty()) return generation < 0 && members_.empty();
  return generation > 0 && generation == generation_ && members_.contains(member_id);
}

std::string GroupCoordinator::MemberOf(const std::string& client_id) const {
  for (const auto& [id, member] : members_) {
    if (member.client_id == client_id) return id;
  }
  return "";
}

void GroupCoordinator::Store(std::span<const CommittedOffset> offsets) {
  for (const CommittedOffset& offset : offsets) committed_[offset.partition] = offset;
}

std::vector<CommittedOffset> GroupCoordinator::AllStored() const {
  std::vector<CommittedOffset> all;
  for (const auto& [partition, offset] : committed_) all.push_back(offset);
  return all;
}

CommittedOffset GroupCoordinator::Stored(const TopicPartition& partition) const {
  const auto it = committed_.find(partition);
  return it == committed_.end() ? CommittedOffset{partition, kNoOffset, ""} : it->second;
}

}  // namespace millrace
