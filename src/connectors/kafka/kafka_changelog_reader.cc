#include "connectors/kafka/kafka_changelog_reader.h"

#include <utility>

#include "connectors/kafka/kafka_group_member.h"

namespace millrace {
namespace {

// Bounds of one Poll while state is rebuilt: memory held beside librdkafka's own queue.
constexpr std::int64_t kMaxRecords = 100'000;
constexpr std::int64_t kMaxBytes = 32 << 20;

class KafkaChangelogReader final : public ChangelogReader {
 public:
  explicit KafkaChangelogReader(std::unique_ptr<kafka::PartitionReader> reader)
      : reader_(std::move(reader)) {}

  Result<std::pair<Offset, Offset>> Bounds(const TopicPartition& partition) override {
    return reader_->Bounds(partition);
  }
  Result<Offset> StableEnd(const TopicPartition& partition) override { return reader_->StableEnd(partition); }
  Status Add(const TopicPartition& partition, Offset from) override { return reader_->Add(partition, from); }
  Status Remove(const TopicPartition& partition) override { return reader_->Remove(partition); }
  Result<std::vector<std::shared_ptr<const RecordBlock>>> Poll(Duration wait) override {
    return reader_->Poll({wait, kMaxRecords, kMaxBytes});
  }
  std::vector<UndecodableRecords> TakeUndecodable() override { return ToUndecodable(reader_->TakeSkipped()); }
  Offset Position(const TopicPartition& partition) override { return reader_->Position(partition); }

 private:
  const std::unique_ptr<kafka::PartitionReader> reader_;
};

}  // namespace

std::unique_ptr<ChangelogReader> MakeKafkaChangelogReader(std::unique_ptr<kafka::PartitionReader> reader) {
  return std::make_unique<KafkaChangelogReader>(std::move(reader));
}

}  // namespace millrace
