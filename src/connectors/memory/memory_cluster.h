#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "connect/cluster.h"
#include "connectors/memory/memory_log.h"

namespace millrace {

/// A Cluster whose parts talk to one MemoryLog, which must outlive it and them. Thread-safe.
class MemoryCluster final : public Cluster, private TopicAdmin, private GroupAdmin {
 public:
  explicit MemoryCluster(MemoryLog* log) : log_(log) {}

  MemoryLog& log() { return *log_; }

  Result<std::unique_ptr<GroupMember>> MakeGroupMember(const std::string& group,
                                                       const std::string& client_id) override;
  Result<std::unique_ptr<Producer>> MakeProducer(const std::string& transactional_id) override;
  Result<std::unique_ptr<ChangelogReader>> MakeChangelogReader() override;
  TopicAdmin& admin() override { return *this; }
  GroupAdmin* groups() override { return this; }
  bool supports_exactly_once() const override { return true; }

 private:
  Result<std::optional<TopicDescription>> Describe(const std::string& topic) override {
    return log_->Describe(topic);
  }
  Result<std::vector<TopicDescription>> List() override { return log_->List(); }
  Status Create(const NewTopic& topic) override { return log_->CreateTopic(topic); }
  Status Delete(const std::string& topic) override { return log_->DeleteTopic(topic); }
  Status DeleteRecords(const TopicPartition& partition, Offset before) override {
    return log_->DeleteRecords(partition, before);
  }

  Result<std::vector<MemberDescription>> Members(const std::string& group) override;
  Result<std::vector<CommittedOffset>> Offsets(const std::string& group) override {
    return log_->AllCommitted(group);
  }
  Status SetOffsets(const std::string& group, std::span<const CommittedOffset> offsets) override;
  Result<std::shared_ptr<const GroupToken>> EmptyGroupToken(
      const std::string& group, std::span<const TopicPartition> partitions) override;

  MemoryLog* const log_;
};

}  // namespace millrace
