#include "connectors/kafka/kafka_cluster.h"

#include <utility>

#include "base/check.h"
#include "connectors/kafka/kafka_changelog_reader.h"
#include "connectors/kafka/kafka_group_admin.h"
#include "connectors/kafka/kafka_group_member.h"
#include "connectors/kafka/kafka_producer.h"
#include "connectors/kafka/kafka_topic_admin.h"

namespace millrace {

Result<std::unique_ptr<KafkaCluster>> KafkaCluster::Make(KafkaClusterOptions options) {
  MR_CHECK(options.clock != nullptr);
  if (options.embedded != nullptr) options.properties["bootstrap.servers"] = options.embedded->bootstrap();
  std::unique_ptr<KafkaCluster> cluster(new KafkaCluster(std::move(options)));
  const KafkaClusterOptions& own = cluster->options_;
  MR_ASSIGN_OR_RETURN(cluster->admin_client_,
                      kafka::AdminClient::Make(cluster->ClientOptionsFor(own.client_id + "-admin")));
  cluster->topic_admin_ = own.embedded == nullptr
                              ? MakeKafkaTopicAdmin(cluster->admin_client_.get())
                              : MakeEmbeddedTopicAdmin(cluster->admin_client_.get(), own.embedded);
  cluster->group_admin_ = MakeKafkaGroupAdmin(cluster->admin_client_.get());
  return cluster;
}

KafkaCluster::~KafkaCluster() = default;

std::string KafkaCluster::bootstrap() const {
  const auto found = options_.properties.find("bootstrap.servers");
  return found == options_.properties.end() ? "" : found->second;
}

kafka::ClientOptions KafkaCluster::ClientOptionsFor(const std::string& client_id) const {
  kafka::ClientOptions client;
  client.properties = options_.properties;
  if (embedded_) {
    // Its groups are classic. It lets a rebalance last as long as a session, so sessions are kept short.
    client.properties.erase("group.protocol");
    client.properties.emplace("session.timeout.ms", "2000");
    client.properties.emplace("heartbeat.interval.ms", "300");
  }
  client.client_id = client_id;
  client.clock = options_.clock;
  client.metrics = options_.metrics;
  return client;
}

Status KafkaCluster::WaitForBroker(Duration timeout, const std::function<void(const Status&)>& on_attempt) {
  MR_RETURN_IF_ERROR(admin_client_->WaitForBroker(timeout, on_attempt));
  if (embedded_ || !admin_client_->IsEmbeddedBroker()) return Status::Ok();
  embedded_ = true;
  topic_admin_ = MakeRemoteEmbeddedTopicAdmin(admin_client_.get());
  return Status::Ok();
}

Result<std::unique_ptr<GroupMember>> KafkaCluster::MakeGroupMember(const std::string& group,
                                                                   const std::string& client_id) {
  MR_ASSIGN_OR_RETURN(auto consumer, kafka::GroupConsumer::Make(ClientOptionsFor(client_id), group));
  return MakeKafkaGroupMember(std::move(consumer));
}

Result<std::unique_ptr<Producer>> KafkaCluster::MakeProducer(const std::string& transactional_id) {
  const std::string client_id =
      transactional_id.empty() ? options_.client_id + "-producer" : transactional_id;
  TopicLimits limits;
  {
    const MutexLock lock(mutex_);
    limits = topic_limits_;
  }
  MR_ASSIGN_OR_RETURN(auto producer,
                      kafka::RecordProducer::Make(ClientOptionsFor(client_id), transactional_id, limits));
  return MakeKafkaProducer(std::move(producer));
}

void KafkaCluster::SetTopicLimits(const TopicLimits& limits) {
  const MutexLock lock(mutex_);
  topic_limits_ = limits;
}

Result<std::unique_ptr<ChangelogReader>> KafkaCluster::MakeChangelogReader() {
  MR_ASSIGN_OR_RETURN(auto reader,
                      kafka::PartitionReader::Make(ClientOptionsFor(options_.client_id + "-restore")));
  return MakeKafkaChangelogReader(std::move(reader));
}

}  // namespace millrace
