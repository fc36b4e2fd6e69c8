#include "kafka_handle.h"

#include <cstdio>
#include <cstdlib>

namespace millrace::bench {
namespace {

constexpr int kTimeoutMs = 30'000;

}  // namespace

void Die(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

KafkaHandle NewHandle(rd_kafka_type_t type, const std::string& bootstrap, const Properties& properties) {
  char error[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  Properties all{{"bootstrap.servers", bootstrap}};
  all.insert(all.end(), properties.begin(), properties.end());
  for (const auto& [name, value] : all) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK)
      Die(error);
  }
  KafkaHandle handle(rd_kafka_new(type, conf, error, sizeof error));
  if (handle == nullptr) Die(error);
  if (type == RD_KAFKA_CONSUMER) rd_kafka_poll_set_consumer(handle.get());
  return handle;
}

std::vector<std::int64_t> EndOffsets(rd_kafka_t* handle, const std::string& topic) {
  // All topics: asking for one by name would create it.
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t code = rd_kafka_metadata(handle, 1, nullptr, &metadata, kTimeoutMs);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) Die(std::string("metadata: ") + rd_kafka_err2str(code));
  int partitions = 0;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    if (topic == metadata->topics[i].topic) partitions = metadata->topics[i].partition_cnt;
  }
  rd_kafka_metadata_destroy(metadata);
  std::vector<std::int64_t> ends(static_cast<std::size_t>(partitions));
  for (int p = 0; p < partitions; ++p) {
    std::int64_t low = 0;
    const rd_kafka_resp_err_t query = rd_kafka_query_watermark_offsets(
        handle, topic.c_str(), p, &low, &ends[static_cast<std::size_t>(p)], kTimeoutMs);
    if (query != RD_KAFKA_RESP_ERR_NO_ERROR) Die("end of " + topic + ": " + rd_kafka_err2str(query));
  }
  return ends;
}

void CreateTopic(rd_kafka_t* handle, const std::string& topic, int partitions, const Properties& settings) {
  char error[512];
  rd_kafka_NewTopic_t* request = rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, error, sizeof error);
  if (request == nullptr) Die(error);
  for (const auto& [name, value] : settings)
    rd_kafka_NewTopic_set_config(request, name.c_str(), value.c_str());
  rd_kafka_queue_t* queue = rd_kafka_queue_new(handle);
  rd_kafka_CreateTopics(handle, &request, 1, nullptr, queue);
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, kTimeoutMs);
  const rd_kafka_CreateTopics_result_t* result =
      event == nullptr ? nullptr : rd_kafka_event_CreateTopics_result(event);
  if (result == nullptr || rd_kafka_event_error(event) != 0) Die("the broker did not create " + topic);
  std::size_t count = 0;
  const rd_kafka_topic_result_t** topics = rd_kafka_CreateTopics_result_topics(result, &count);
  const rd_kafka_resp_err_t code = rd_kafka_topic_result_error(topics[0]);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
    Die("creating " + topic + ": " + rd_kafka_topic_result_error_string(topics[0]));
  }
  rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
  rd_kafka_NewTopic_destroy(request);
}

void AssignFromBeginning(rd_kafka_t* consumer, const std::string& topic, std::size_t partitions) {
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(static_cast<int>(partitions));
  for (std::size_t p = 0; p < partitions; ++p) {
    rd_kafka_topic_partition_list_add(list, topic.c_str(), static_cast<std::int32_t>(p))->offset =
        RD_KAFKA_OFFSET_BEGINNING;
  }
  const rd_kafka_resp_err_t code = rd_kafka_assign(consumer, list);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) Die("assigning " + topic + ": " + rd_kafka_err2str(code));
  rd_kafka_topic_partition_list_destroy(list);
}

}  // namespace millrace::bench
