#include "connectors/kafka/kafka_producer.h"

#include <utility>

#include "base/check.h"
#include "connectors/kafka/kafka_group_member.h"

namespace millrace {
namespace {

class KafkaProducer final : public Producer {
 public:
  explicit KafkaProducer(std::unique_ptr<kafka::RecordProducer> producer) : producer_(std::move(producer)) {}

  Status Init() override { return producer_->Init(); }
  Status Begin() override { return producer_->Begin(); }

  Status Send(const OutgoingRecord& record) override {
    kafka::Record out;
    out.topic = record.topic;
    if (record.partition != kPartitionByKey) out.partition = record.partition;
    out.key = record.key;
    out.value = record.value;
    out.timestamp_ms = record.timestamp_ms;
    out.headers = record.headers;
    return producer_->Send(out);
  }

  Status SendAll(std::string_view topic, Partition partition, std::int64_t,
                 std::span<const KeyValue> records) override {
    return producer_->SendAll(topic, partition, records);
  }

  Status Flush() override { return producer_->Flush(); }

  Status SendOffsets(std::span<const CommittedOffset> offsets, const GroupToken& token) override {
    const auto* own = dynamic_cast<const KafkaGroupToken*>(&token);
    MR_CHECK(own != nullptr) << "a token of another connector";
    return producer_->SendOffsets(ToGroupOffsets(offsets), own->membership());
  }

  Status Commit() override { return producer_->Commit(); }
  Status Abort() override { return producer_->Abort(); }
  Offset AcknowledgedEnd(const TopicPartition& partition) const override {
    return producer_->AcknowledgedEnd(partition);
  }

 private:
  const std::unique_ptr<kafka::RecordProducer> producer_;
};

}  // namespace

std::unique_ptr<Producer> MakeKafkaProducer(std::unique_ptr<kafka::RecordProducer> producer) {
  return std::make_unique<KafkaProducer>(std::move(producer));
}

}  // namespace millrace
