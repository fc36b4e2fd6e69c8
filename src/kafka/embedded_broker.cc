#include "kafka/embedded_broker.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "kafka/error.h"

namespace millrace::kafka {
namespace {

// Long enough for members that start together to be dealt out in one go, short enough not to be noticed.
constexpr std::int32_t kFirstRebalanceDelayMs = 50;

}  // namespace

Result<std::unique_ptr<EmbeddedBroker>> EmbeddedBroker::Start(const Clock& clock) {
  std::unique_ptr<EmbeddedBroker> broker(new EmbeddedBroker());
  ClientOptions options;
  options.clock = &clock;
  options.client_id = "millrace-embedded-broker";
  // The handle only carries the broker's thread and never connects anywhere.
  options.properties = {{"bootstrap.servers", "127.0.0.1:1"}};
  MR_ASSIGN_OR_RETURN(broker->client_, Client::Make(Role::kAdmin, options, {}, nullptr));
  broker->cluster_ = rd_kafka_mock_cluster_new(broker->client_->handle(), 1);
  if (broker->cluster_ == nullptr) return Status::Io("the embedded broker cannot listen on a loopback port");
  rd_kafka_mock_group_initial_rebalance_delay_ms(broker->cluster_, kFirstRebalanceDelayMs);
  broker->bootstrap_ = rd_kafka_mock_cluster_bootstraps(broker->cluster_);
  return broker;
}

EmbeddedBroker::~EmbeddedBroker() {
  if (cluster_ != nullptr) rd_kafka_mock_cluster_destroy(cluster_);
}

Status EmbeddedBroker::CreateTopic(const std::string& topic, std::int32_t partitions) {
  if (partitions < 1) {
    return Status::InvalidArgument("topic " + topic + ": needs at least one partition, not " +
                                   std::to_string(partitions));
  }
  const auto error = rd_kafka_mock_topic_create(cluster_, topic.c_str(), partitions, 1);
  MR_RETURN_IF_ERROR(ToStatus(error, "creating topic " + topic));
  const MutexLock lock(mutex_);
  topics_[topic] = {partitions, "embedded-" + std::to_string(++topics_made_)};
  return Status::Ok();
}

Status EmbeddedBroker::DeleteTopic(const std::string& topic) {
  {
    const MutexLock lock(mutex_);
    topics_.erase(topic);
  }
  return ToStatus(rd_kafka_mock_topic_delete(cluster_, topic.c_str()), "deleting topic " + topic);
}

Status EmbeddedBroker::DeleteRecords(const TopicPartition& partition, Offset before) {
  return ToStatus(rd_kafka_mock_partition_delete_records(cluster_, partition.topic.c_str(),
                                                         partition.partition.value(), before.value()),
                  "deleting records of " + partition.ToString());
}

void EmbeddedBroker::FailRequests(std::int16_t api_key, const std::vector<int>& errors) {
  std::vector<rd_kafka_resp_err_t> codes;
  codes.reserve(errors.size());
  for (const int error : errors) codes.push_back(static_cast<rd_kafka_resp_err_t>(error));
  rd_kafka_mock_push_request_errors_array(cluster_, api_key, codes.size(), codes.data());
}

void EmbeddedBroker::Unlearn(std::int16_t api_key) {
  rd_kafka_mock_set_apiversion(cluster_, api_key, -1, -1);
}

std::map<std::string, EmbeddedBroker::Topic> EmbeddedBroker::topics() const {
  const MutexLock lock(mutex_);
  return topics_;
}

}  // namespace millrace::kafka
