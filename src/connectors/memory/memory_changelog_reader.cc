#include "connectors/memory/memory_changelog_reader.h"

#include <map>
#include <utility>

namespace millrace {
namespace {

// Small enough that a restore takes several polls in tests, as it does against Kafka.
constexpr FetchLimits kLimits{Isolation::kReadCommitted, 10'000, 4 << 20};

class MemoryChangelogReader final : public ChangelogReader {
 public:
  explicit MemoryChangelogReader(MemoryLog* log) : log_(log) {}

  Result<std::pair<Offset, Offset>> Bounds(const TopicPartition& partition) override {
    MR_ASSIGN_OR_RETURN(const LogBounds bounds, log_->Bounds(partition));
    return std::pair{bounds.start, bounds.high};
  }

  Result<Offset> StableEnd(const TopicPartition& partition) override {
    MR_ASSIGN_OR_RETURN(const LogBounds bounds, log_->Bounds(partition));
    return bounds.last_stable;
  }

  Status Add(const TopicPartition& partition, Offset from) override {
    MR_RETURN_IF_ERROR(log_->Bounds(partition).status());
    positions_[partition] = from;
    return Status::Ok();
  }

  Status Remove(const TopicPartition& partition) override {
    positions_.erase(partition);
    return Status::Ok();
  }

  Result<std::vector<std::shared_ptr<const RecordBlock>>> Poll(Duration /*wait*/) override {
    std::vector<std::shared_ptr<const RecordBlock>> blocks;
    for (auto& [partition, position] : positions_) {
      MR_ASSIGN_OR_RETURN(FetchedRecords fetched, log_->Fetch(partition, position, kLimits));
      position = fetched.next;
      for (const auto& [first, next] : fetched.broken)
        undecodable_.push_back({partition, first, next, "injected fault: broken records"});
      if (fetched.block != nullptr) blocks.push_back(std::move(fetched.block));
    }
    return blocks;
  }

  std::vector<UndecodableRecords> TakeUndecodable() override { return std::exchange(undecodable_, {}); }

  Offset Position(const TopicPartition& partition) override {
    const auto it = positions_.find(partition);
    return it == positions_.end() ? kNoOffset : it->second;
  }

 private:
  MemoryLog* const log_;
  std::map<TopicPartition, Offset> positions_;
  std::vector<UndecodableRecords> undecodable_;
};

}  // namespace

std::unique_ptr<ChangelogReader> MakeMemoryChangelogReader(MemoryLog* log) {
  return std::make_unique<MemoryChangelogReader>(log);
}

}  // namespace millrace
