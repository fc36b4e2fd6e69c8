#include "connectors/kafka/kafka_group_member.h"

#include <utility>

namespace millrace {
namespace {

class KafkaGroupMember final : public GroupMember, private kafka::RebalanceListener {
 public:
  explicit KafkaGroupMember(std::unique_ptr<kafka::GroupConsumer> consumer)
      : consumer_(std::move(consumer)) {}

  Status Subscribe(const std::vector<std::string>& topics, AssignmentListener* listener) override {
    listener_ = listener;
    return consumer_->Subscribe(topics, this);
  }

  Result<std::vector<std::shared_ptr<const RecordBlock>>> Poll(const PollLimits& limits) override {
    return consumer_->Poll({limits.wait, limits.max_records, limits.max_bytes, limits.linger});
  }

  std::vector<UndecodableRecords> TakeUndecodable() override {
    return ToUndecodable(consumer_->TakeSkipped());
  }

  Status Start(const TopicPartition& partition, Offset offset) override {
    return consumer_->Start(partition, offset);
  }
  Status Pause(const TopicPartition& partition) override { return consumer_->Pause(partition); }
  Status Resume(const TopicPartition& partition) override { return consumer_->Resume(partition); }

  Result<std::vector<CommittedOffset>> Committed(std::span<const TopicPartition> partitions,
                                                 Duration wait) override {
    MR_ASSIGN_OR_RETURN(std::vector<kafka::GroupOffset> found, consumer_->Committed(partitions, wait));
    std::vector<CommittedOffset> offsets;
    offsets.reserve(found.size());
    for (kafka::GroupOffset& at : found) {
      offsets.push_back({std::move(at.partition), at.offset, std::move(at.metadata)});
    }
    return offsets;
  }

  Result<std::pair<Offset, Offset>> Bounds(const TopicPartition& partition) override {
    return consumer_->Bounds(partition);
  }

  Result<Offset> StableEnd(const TopicPartition& partition) override {
    return consumer_->StableEnd(partition);
  }

  PartitionProgress Progress(const TopicPartition& partition) override {
    const kafka::ConsumerProgress at = consumer_->Progress(partition);
    return {at.position, at.last_stable, at.high, at.since_last_fetch};
  }

  Status CommitOffsets(std::span<const CommittedOffset> offsets) override {
    return consumer_->Commit(ToGroupOffsets(offsets));
  }

  Result<std::shared_ptr<const GroupToken>> Token() override {
    MR_ASSIGN_OR_RETURN(auto membership, consumer_->Membership());
    return std::shared_ptr<const GroupToken>(std::make_shared<const KafkaGroupToken>(std::move(membership)));
  }

  bool AssignmentLost() override { return consumer_->AssignmentLost(); }
  Status Close() override { return consumer_->Close(); }

 private:
  void OnAssigned(std::vector<TopicPartition> partitions) override {
    listener_->OnAssigned(std::move(partitions));
  }
  void OnRevoked(std::vector<TopicPartition> partitions, bool lost) override {
    listener_->OnRevoked(std::move(partitions), lost);
  }

  AssignmentListener* listener_ = nullptr;
  const std::unique_ptr<kafka::GroupConsumer> consumer_;
};

}  // namespace

std::unique_ptr<GroupMember> MakeKafkaGroupMember(std::unique_ptr<kafka::GroupConsumer> consumer) {
  return std::make_unique<KafkaGroupMember>(std::move(consumer));
}

std::vector<UndecodableRecords> ToUndecodable(std::vector<kafka::SkippedRecords> skipped) {
  std::vector<UndecodableRecords> undecodable;
  undecodable.reserve(skipped.size());
  for (kafka::SkippedRecords& at : skipped)
    undecodable.push_back({std::move(at.partition), at.first, at.next, std::move(at.reason)});
  return undecodable;
}

std::vector<kafka::GroupOffset> ToGroupOffsets(std::span<const CommittedOffset> offsets) {
  std::vector<kafka::GroupOffset> result;
  result.reserve(offsets.size());
  for (const CommittedOffset& at : offsets) result.push_back({at.partition, at.offset, at.metadata});
  return result;
}

}  // namespace millrace
