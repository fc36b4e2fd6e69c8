#include "kafka/partition_reader.h"

#include <algorithm>

#include <librdkafka/rdkafka.h>

#include "kafka/error.h"
#include "kafka/offsets.h"

namespace millrace::kafka {
namespace {

constexpr Duration kBoundsTimeout{10'000};
constexpr Duration kSeekTimeout{10'000};
// Errors of brokers come by another queue than records.
constexpr Duration kEventSlice{50};

}  // namespace

void PartitionReader::TopicDeleter::operator()(rd_kafka_topic_t* topic) const {
  rd_kafka_topic_destroy(topic);
}

Result<std::unique_ptr<PartitionReader>> PartitionReader::Make(const ClientOptions& options) {
  std::unique_ptr<PartitionReader> reader(new PartitionReader());
  MR_ASSIGN_OR_RETURN(reader->client_, Client::Make(Role::kReader, options, {}, nullptr));
  PartitionReader* self = reader.get();
  reader->fetch_ = std::make_unique<Fetch>(
      reader->client_->handle(),
      [self](const TopicPartition& partition, Offset offset) { return self->Seek(partition, offset); },
      options.metrics);
  return reader;
}

PartitionReader::~PartitionReader() {
  for (const auto& [partition, topic] : reading_)
    rd_kafka_consume_stop(topic.get(), partition.partition.value());
}

Result<std::pair<Offset, Offset>> PartitionReader::Bounds(const TopicPartition& partition) {
  auto bounds = LogBounds(client_->handle(), partition, kBoundsTimeout);
  if (!bounds.ok()) return client_->Explain(bounds.status());
  return bounds;
}

Result<Offset> PartitionReader::StableEnd(const TopicPartition& partition) {
  auto end = kafka::StableEnd(client_->handle(), partition, kBoundsTimeout);
  if (!end.ok()) return client_->Explain(end.status());
  return end;
}

Status PartitionReader::Add(const TopicPartition& partition, Offset from) {
  if (reading_.contains(partition))
    return Status::AlreadyExists(partition.ToString() + " is already being read");
  const std::string context = "reading " + partition.ToString();
  TopicHandle topic(rd_kafka_topic_new(client_->handle(), partition.topic.c_str(), nullptr));
  if (topic == nullptr) return ToStatus(rd_kafka_last_error(), context);
  fetch_->Add(partition);
  fetch_->Start(partition, from);
  if (rd_kafka_consume_start_queue(topic.get(), partition.partition.value(), from.value(), fetch_->queue()) !=
      0) {
    const Status status = ToStatus(rd_kafka_last_error(), context);
    fetch_->Remove(partition);
    return status;
  }
  reading_.emplace(partition, std::move(topic));
  return Status::Ok();
}

Status PartitionReader::Remove(const TopicPartition& partition) {
  const auto found = reading_.find(partition);
  if (found == reading_.end()) return Status::NotFound(partition.ToString() + " is not being read");
  rd_kafka_consume_stop(found->second.get(), partition.partition.value());
  reading_.erase(found);
  fetch_->Remove(partition);
  return Status::Ok();
}

Status PartitionReader::Seek(const TopicPartition& partition, Offset offset) {
  const PartitionList list = MakePartitionList(std::span(&partition, 1));
  list->elems[0].offset = offset.value();
  const std::string context =
      "seeking " + partition.ToString() + " to offset " + std::to_string(offset.value());
  MR_RETURN_IF_ERROR(TakeError(
      rd_kafka_seek_partitions(client_->handle(), list.get(), static_cast<int>(kSeekTimeout.count())),
      context));
  return ToStatus(list->elems[0].err, context);
}

Result<std::vector<std::shared_ptr<const RecordBlock>>> PartitionReader::Poll(const FetchLimits& limits) {
  FetchLimits slice = limits;
  for (Duration left = limits.wait;;) {
    rd_kafka_poll(client_->handle(), 0);
    slice.wait = std::min(left, kEventSlice);
    const bool moved = fetch_->Collect(slice);
    if (!fetch_->empty() || moved || left <= slice.wait) break;
    left -= std::max(slice.wait, Duration(1));
  }
  for (const GonePartition& gone : fetch_->TakeGone()) return gone.cause;
  auto blocks = fetch_->Take();
  if (blocks.empty()) MR_RETURN_IF_ERROR(fetch_->TakeError());
  return blocks;
}

}  // namespace millrace::kafka
