#include "probed_cluster.h"

#include <utility>

#include "connect/cluster_around.h"

namespace millrace {
namespace {

class ProbedMember final : public GroupMember {
 public:
  ProbedMember(std::unique_ptr<GroupMember> member, InputProbe* probe)
      : member_(std::move(member)), probe_(probe) {}

  PartitionProgress Progress(const TopicPartition& partition) override {
    return probe_->seen[partition] = member_->Progress(partition);
  }

  Status Subscribe(const std::vector<std::string>& topics, AssignmentListener* listener) override {
    return member_->Subscribe(topics, listener);
  }
  Result<std::vector<std::shared_ptr<const RecordBlock>>> Poll(const PollLimits& limits) override {
    return member_->Poll(limits);
  }
  std::vector<UndecodableRecords> TakeUndecodable() override { return member_->TakeUndecodable(); }
  Status Start(const TopicPartition& partition, Offset offset) override {
    return member_->Start(partition, offset);
  }
  Status Pause(const TopicPartition& partition) override { return member_->Pause(partition); }
  Status Resume(const TopicPartition& partition) override { return member_->Resume(partition); }
  Result<std::vector<CommittedOffset>> Committed(std::span<const TopicPartition> partitions,
                                                 Duration wait) override {
    return member_->Committed(partitions, wait);
  }
  Result<std::pair<Offset, Offset>> Bounds(const TopicPartition& partition) override {
    return member_->Bounds(partition);
  }
  Result<Offset> StableEnd(const TopicPartition& partition) override { return member_->StableEnd(partition); }
  Status CommitOffsets(std::span<const CommittedOffset> offsets) override {
    return member_->CommitOffsets(offsets);
  }
  Result<std::shared_ptr<const GroupToken>> Token() override { return member_->Token(); }
  bool AssignmentLost() override { return member_->AssignmentLost(); }
  Status Close() override { return member_->Close(); }

 private:
  const std::unique_ptr<GroupMember> member_;
  InputProbe* const probe_;
};

class ProbedCluster final : public ClusterAround {
 public:
  ProbedCluster(Cluster* cluster, InputProbe* probe) : ClusterAround(*cluster), probe_(probe) {}

  Result<std::unique_ptr<GroupMember>> MakeGroupMember(const std::string& group,
                                                       const std::string& client_id) override {
    MR_ASSIGN_OR_RETURN(auto member, ClusterAround::MakeGroupMember(group, client_id));
    return std::unique_ptr<GroupMember>(std::make_unique<ProbedMember>(std::move(member), probe_));
  }

 private:
  InputProbe* const probe_;
};

}  // namespace

std::unique_ptr<Cluster> MakeProbedCluster(Cluster* cluster, InputProbe* probe) {
  return std::make_unique<ProbedCluster>(cluster, probe);
}

}  // namespace millrace
