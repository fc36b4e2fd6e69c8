#include "connectors/memory/memory_group_member.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <utility>

#include "base/check.h"

namespace millrace {
namespace {

class MemoryGroupMember final : public GroupMember {
 public:
  MemoryGroupMember(MemoryLog* log, std::string group, std::string client_id)
      : log_(log), group_(std::move(group)), client_id_(std::move(client_id)) {}
  ~MemoryGroupMember() override {
    if (!member_id_.empty()) log_->Leave(group_, member_id_);
  }

  Status Subscribe(const std::vector<std::string>& topics, AssignmentListener* listener) override {
    MR_CHECK(member_id_.empty() && listener != nullptr);
    if (topics.empty()) return Status::InvalidArgument("group " + group_ + " subscribes to no topic");
    topics_ = topics;
    listener_ = listener;
    member_id_ = log_->Join(group_, client_id_, topics_);
    return Status::Ok();
  }

  Result<std::vector<std::shared_ptr<const RecordBlock>>> Poll(const PollLimits& limits) override {
    MR_CHECK(!member_id_.empty()) << "Subscribe first";
    if (log_->NextFault(LogCall::kPoll)) return Status::Unavailable("injected fault: poll reached nobody");
    FollowGroup();
    if (limits.max_records <= 0) return std::vector<std::shared_ptr<const RecordBlock>>{};
    return FetchAll(limits);
  }

  std::vector<UndecodableRecords> TakeUndecodable() override {
    std::vector<UndecodableRecords> taken;
    for (auto& [partition, reading] : assigned_) {
      for (const auto& [first, next] : reading.broken)
        taken.push_back({partition, first, next, "injected fault: broken records"});
      reading.broken.clear();
    }
    return taken;
  }

  Status Start(const TopicPartition& partition, Offset offset) override {
    MR_ASSIGN_OR_RETURN(Reading * reading, Find(partition));
    reading->started = true;
    reading->paused = false;
    reading->broken.clear();
    reading->position = offset;
    return Status::Ok();
  }
  Status Pause(const TopicPartition& partition) override {
    MR_ASSIGN_OR_RETURN(Reading * reading, Find(partition));
    reading->paused = true;
    return Status::Ok();
  }
  Status Resume(const TopicPartition& partition) override {
    MR_ASSIGN_OR_RETURN(Reading * reading, Find(partition));
    reading->paused = false;
    return Status::Ok();
  }

  Result<std::vector<CommittedOffset>> Committed(std::span<const TopicPartition> partitions,
                                                 Duration /*wait*/) override {
    return log_->Committed(group_, partitions);
  }
  Result<std::pair<Offset, Offset>> Bounds(const TopicPartition& partition) override {
    MR_ASSIGN_OR_RETURN(const LogBounds bounds, log_->Bounds(partition));
    return std::pair{bounds.start, bounds.high};
  }

  Result<Offset> StableEnd(const TopicPartition& partition) override {
    MR_ASSIGN_OR_RETURN(const LogBounds bounds, log_->Bounds(partition));
    return bounds.last_stable;
  }

  PartitionProgress Progress(const TopicPartition& partition) override {
    PartitionProgress progress;
    const auto it = assigned_.find(partition);
    if (it == assigned_.end()) return progress;
    if (it->second.started) progress.position = it->second.position;
    if (const Result<LogBounds> bounds = log_->Bounds(partition); bounds.ok()) {
      progress.last_stable = bounds->last_stable;
      progress.high = bounds->high;
    }
    if (it->second.fetched) {
      progress.since_last_fetch =
          std::chrono::duration_cast<Duration>(log_->clock().Steady() - *it->second.fetched);
    }
    return progress;
  }

  Status CommitOffsets(std::span<const CommittedOffset> offsets) override {
    for (const CommittedOffset& offset : offsets) {
      if (!assigned_.contains(offset.partition)) {
        return Status::Aborted("group " + group_ + ": " + offset.partition.ToString() +
                               " is not assigned here");
      }
    }
    MR_ASSIGN_OR_RETURN(const auto token, Token());
    const auto fault = log_->NextFault(LogCall::kCommitOffsets);
    if (fault == FaultOutcome::kUnavailable)
      return Status::Unavailable("injected fault: commit reached nobody");
    if (fault == FaultOutcome::kUnknownNotDone)
      return Status::OutcomeUnknown("injected fault: commit got no answer");
    if (fault && *fault != FaultOutcome::kUnknownDone)
      return Status::Aborted("injected fault: commit was refused");
    MR_RETURN_IF_ERROR(log_->CommitOffsets(*token, offsets));
    return fault ? Status::OutcomeUnknown("injected fault: commit got no answer") : Status::Ok();
  }

  Result<std::shared_ptr<const GroupToken>> Token() override {
    if (generation_ == 0)
      return Status::Aborted("group " + group_ + " has assigned nothing to this member now");
    return std::shared_ptr<const GroupToken>(
        std::make_shared<MemoryGroupToken>(group_, member_id_, generation_));
  }

  bool AssignmentLost() override { return generation_ != 0 && !log_->Observe(group_, member_id_).known; }

  Status Close() override {
    if (member_id_.empty()) return Status::Ok();
    GiveUp(AssignmentLost());
    log_->Leave(group_, member_id_);
    member_id_.clear();
    return Status::Ok();
  }

 private:
  struct Reading {
    bool started = false;
    bool paused = false;
    Offset position = kNoOffset;
    std::optional<std::chrono::nanoseconds> fetched;
    std::vector<std::pair<Offset, Offset>> broken;  // passed over, not taken yet
  };

  Result<Reading*> Find(const TopicPartition& partition) {
    const auto it = assigned_.find(partition);
    if (it != assigned_.end()) return &it->second;
    return Status::Aborted("group " + group_ + ": " + partition.ToString() + " is not assigned here");
  }

  /// One step of the group protocol: rejoin after being removed, revoke and rejoin for a rebalance, take an
  /// assignment.
  void FollowGroup() {
    if (std::exchange(joins_anew_, false)) {
      GiveUp(false);
      log_->Leave(group_, member_id_);
    }
    MembershipView view = log_->Observe(group_, member_id_);
    if (!view.known) {
      GiveUp(true);
      member_id_ = log_->Join(group_, client_id_, topics_);
      view = log_->Observe(group_, member_id_);
    }
    if (view.must_rejoin) {
      GiveUp(false);
      log_->Rejoin(group_, member_id_);
      view = log_->Observe(group_, member_id_);
    }
    if (!view.stable || view.generation == generation_) return;
    generation_ = view.generation;
    for (const TopicPartition& partition : view.assignment) assigned_[partition];
    listener_->OnAssigned(view.assignment);
  }

  void GiveUp(bool lost) {
    if (generation_ == 0) return;
    std::vector<TopicPartition> leaving;
    for (const auto& [partition, reading] : assigned_) leaving.push_back(partition);
    if (!leaving.empty()) listener_->OnRevoked(std::move(leaving), lost);
    assigned_.clear();
    generation_ = 0;
  }

  Result<std::vector<std::shared_ptr<const RecordBlock>>> FetchAll(const PollLimits& limits) {
    std::vector<std::shared_ptr<const RecordBlock>> blocks;
    std::int64_t records_left = limits.max_records;
    std::int64_t bytes_left = limits.max_bytes;
    std::vector<std::pair<const TopicPartition, Reading>*> order;
    for (auto& entry : assigned_) order.push_back(&entry);
    const auto first =
        std::find_if(order.begin(), order.end(), [&](const auto* e) { return e->first > last_served_; });
    std::rotate(order.begin(), first, order.end());
    for (auto* entry : order) {
      Reading& reading = entry->second;
      if (!reading.started || reading.paused) continue;
      if (records_left <= 0 || bytes_left <= 0) break;
      auto fetched =
          log_->Fetch(entry->first, reading.position, {Isolation::kReadCommitted, records_left, bytes_left});
      if (fetched.status().code() == StatusCode::kAborted) {
        joins_anew_ = true;
        continue;
      }
      MR_RETURN_IF_ERROR(fetched.status());
      reading.fetched = log_->clock().Steady();
      reading.position = fetched->next;
      reading.broken.insert(reading.broken.end(), fetched->broken.begin(), fetched->broken.end());
      if (fetched->block == nullptr) continue;
      records_left -= fetched->block->num_records();
      bytes_left -= fetched->block->num_bytes();
      last_served_ = entry->first;
      blocks.push_back(std::move(fetched->block));
    }
    return blocks;
  }

  MemoryLog* const log_;
  const std::string group_;
  const std::string client_id_;
  std::vector<std::string> topics_;
  AssignmentListener* listener_ = nullptr;
  std::string member_id_;        // empty: not in the group
  std::int32_t generation_ = 0;  // 0: nothing assigned
  std::map<TopicPartition, Reading> assigned_;
  TopicPartition last_served_;
  bool joins_anew_ = false;  // at the next Poll
};

}  // namespace

std::unique_ptr<GroupMember> MakeMemoryGroupMember(MemoryLog* log, std::string group, std::string client_id) {
  return std::make_unique<MemoryGroupMember>(log, std::move(group), std::move(client_id));
}

}  // namespace millrace
