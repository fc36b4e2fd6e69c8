#include "kafka/offsets.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <librdkafka/rdkafka.h>

#include "kafka/error.h"
#include "kafka/handle.h"

namespace millrace::kafka {
namespace {

constexpr Duration kAttempt{2'500};

Result<Offset> Attempt(rd_kafka_t* handle, const TopicPartition& partition, std::int64_t spec,
                       rd_kafka_IsolationLevel_t isolation, Duration timeout) {
  const std::string context = "end of " + partition.ToString();
  const AdminOptions options(rd_kafka_AdminOptions_new(handle, RD_KAFKA_ADMIN_OP_LISTOFFSETS));
  char text[256];
  rd_kafka_AdminOptions_set_request_timeout(options.get(), static_cast<int>(timeout.count()), text,
                                            sizeof text);
  MR_RETURN_IF_ERROR(TakeError(rd_kafka_AdminOptions_set_isolation_level(options.get(), isolation), context));
  const PartitionList list = MakePartitionList(std::span(&partition, 1));
  list->elems[0].offset = spec;
  const Queue queue(rd_kafka_queue_new(handle));
  rd_kafka_ListOffsets(handle, list.get(), options.get(), queue.get());
  const Event event(rd_kafka_queue_poll(queue.get(), static_cast<int>(timeout.count()) + 1000));
  if (event == nullptr)
    return Status::Timeout(context + ": no answer of the broker within " + FormatDuration(timeout));
  if (const int error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return ToStatus(error, context, rd_kafka_event_error_string(event.get()));
  }
  std::size_t count = 0;
  const auto* infos =
      rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event.get()), &count);
  if (count != 1) return Status::Unavailable(context + ": the broker's answer does not name the partition");
  const rd_kafka_topic_partition_t* found = rd_kafka_ListOffsetsResultInfo_topic_partition(infos[0]);
  if (found->err != RD_KAFKA_RESP_ERR_NO_ERROR) return ToStatus(found->err, context);
  // While a leader changes, librdkafka may answer without an error and without an offset.
  if (found->offset < 0) return Status::Unavailable(context + ": no broker leads the partition just now");
  return Offset(found->offset);
}

/// Asks for the topic's metadata. After a restart of a broker the client's cached leader epoch is refused
/// until it has done so, and after the loss of one the client goes on to ask that one; ListOffsets does not
/// do it by itself.
void RefreshLeader(rd_kafka_t* handle, const TopicPartition& partition, Duration timeout) {
  rd_kafka_topic_t* topic = rd_kafka_topic_new(handle, partition.topic.c_str(), nullptr);
  if (topic == nullptr) return;
  const rd_kafka_metadata_t* metadata = nullptr;
  if (rd_kafka_metadata(handle, 0, topic, &metadata, static_cast<int>(timeout.count())) ==
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    rd_kafka_metadata_destroy(metadata);
  }
  rd_kafka_topic_destroy(topic);
}

/// Asks in short attempts: a leader that hangs is given up for the next one.
Result<Offset> ListOffset(rd_kafka_t* handle, const TopicPartition& partition, std::int64_t spec,
                          rd_kafka_IsolationLevel_t isolation, Duration timeout) {
  const Duration attempt = std::min(timeout, kAttempt);
  for (Duration left = timeout - attempt;; left -= 2 * attempt) {
    Result<Offset> asked = Attempt(handle, partition, spec, isolation, attempt);
    const bool refused = asked.status().code() == StatusCode::kPermissionDenied;
    if (asked.ok() || refused || left < attempt) return asked;
    RefreshLeader(handle, partition, attempt);
  }
}

}  // namespace

void PartitionListDeleter::operator()(rd_kafka_topic_partition_list_t* list) const {
  rd_kafka_topic_partition_list_destroy(list);
}

PartitionList MakePartitionList(std::span<const TopicPartition> partitions) {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const TopicPartition& tp : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), tp.topic.c_str(), tp.partition.value());
  }
  return list;
}

PartitionList MakePartitionList(std::span<const GroupOffset> offsets) {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (const GroupOffset& at : offsets) {
    rd_kafka_topic_partition_t* entry = rd_kafka_topic_partition_list_add(
        list.get(), at.partition.topic.c_str(), at.partition.partition.value());
    entry->offset = at.offset.value();
    if (at.metadata.empty()) continue;
    // The list owns the copy and frees it with free().
    entry->metadata = std::malloc(at.metadata.size());
    std::memcpy(entry->metadata, at.metadata.data(), at.metadata.size());
    entry->metadata_size = at.metadata.size();
  }
  return list;
}

std::vector<TopicPartition> FromPartitionList(const rd_kafka_topic_partition_list_t* list) {
  std::vector<TopicPartition> partitions;
  partitions.reserve(static_cast<std::size_t>(list->cnt));
  for (int i = 0; i < list->cnt; ++i) {
    partitions.push_back({list->elems[i].topic, Partition(list->elems[i].partition)});
  }
  return partitions;
}

Result<std::pair<Offset, Offset>> LogBounds(rd_kafka_t* handle, const TopicPartition& partition,
                                            Duration timeout) {
  constexpr auto kIsolation = RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED;
  MR_ASSIGN_OR_RETURN(const Offset first,
                      ListOffset(handle, partition, RD_KAFKA_OFFSET_SPEC_EARLIEST, kIsolation, timeout));
  MR_ASSIGN_OR_RETURN(const Offset end,
                      ListOffset(handle, partition, RD_KAFKA_OFFSET_SPEC_LATEST, kIsolation, timeout));
  return std::pair{first, end};
}

Result<Offset> StableEnd(rd_kafka_t* handle, const TopicPartition& partition, Duration timeout) {
  return ListOffset(handle, partition, RD_KAFKA_OFFSET_SPEC_LATEST, RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED,
                    timeout);
}

}  // namespace millrace::kafka
