#include "connectors/kafka/kafka_topic_admin.h"

#include <utility>

#include "base/mutex.h"

namespace millrace {
namespace {

TopicDescription ToDescription(kafka::TopicInfo info) {
  return {std::move(info.name), info.partitions, std::move(info.id), std::move(info.config)};
}

Result<std::vector<TopicDescription>> ListTopics(kafka::AdminClient& client) {
  MR_ASSIGN_OR_RETURN(std::vector<kafka::TopicInfo> found, client.List());
  std::vector<TopicDescription> topics;
  topics.reserve(found.size());
  for (kafka::TopicInfo& info : found) topics.push_back(ToDescription(std::move(info)));
  return topics;
}

/// By metadata alone: no id, no configuration.
Result<std::optional<TopicDescription>> FindInList(kafka::AdminClient& client, const std::string& topic) {
  MR_ASSIGN_OR_RETURN(std::vector<TopicDescription> all, ListTopics(client));
  for (TopicDescription& one : all) {
    if (one.name == topic) return std::optional(std::move(one));
  }
  return std::optional<TopicDescription>();
}

class KafkaTopicAdmin final : public TopicAdmin {
 public:
  explicit KafkaTopicAdmin(kafka::AdminClient* client) : client_(client) {}

  Result<std::optional<TopicDescription>> Describe(const std::string& topic) override {
    MR_ASSIGN_OR_RETURN(std::optional<kafka::TopicInfo> found, client_->Describe(topic));
    if (!found.has_value()) return std::optional<TopicDescription>();
    return std::optional(ToDescription(*std::move(found)));
  }
  Result<std::vector<TopicDescription>> List() override { return ListTopics(*client_); }
  Status Create(const NewTopic& topic) override {
    return client_->Create({topic.name, topic.partitions, topic.replication_factor, topic.config});
  }
  Status Delete(const std::string& topic) override { return client_->Delete(topic); }
  Status DeleteRecords(const TopicPartition& partition, Offset before) override {
    return client_->DeleteRecords(partition, before);
  }

 private:
  kafka::AdminClient* const client_;
};

class EmbeddedTopicAdmin final : public TopicAdmin {
 public:
  EmbeddedTopicAdmin(kafka::AdminClient* client, kafka::EmbeddedBroker* broker)
      : client_(client), broker_(broker) {}

  Result<std::optional<TopicDescription>> Describe(const std::string& topic) override {
    const auto known = broker_->topics();
    if (const auto found = known.find(topic); found != known.end()) {
      const MutexLock lock(mutex_);
      return std::optional(
          TopicDescription{topic, found->second.partitions, found->second.id, configs_[topic]});
    }
    return FindInList(*client_, topic);  // made by a client on first use
  }

  Result<std::vector<TopicDescription>> List() override { return ListTopics(*client_); }

  Status Create(const NewTopic& topic) override {
    MR_RETURN_IF_ERROR(broker_->CreateTopic(topic.name, topic.partitions));
    const MutexLock lock(mutex_);
    configs_[topic.name] = topic.config;
    return Status::Ok();
  }

  Status Delete(const std::string& topic) override {
    {
      const MutexLock lock(mutex_);
      configs_.erase(topic);
    }
    return broker_->DeleteTopic(topic);
  }

  Status DeleteRecords(const TopicPartition& partition, Offset before) override {
    return broker_->DeleteRecords(partition, before);
  }

 private:
  kafka::AdminClient* const client_;
  kafka::EmbeddedBroker* const broker_;

  Mutex mutex_;
  std::map<std::string, std::map<std::string, std::string>> configs_;  // guarded by mutex_; as asked for
};

class RemoteEmbeddedTopicAdmin final : public TopicAdmin {
 public:
  explicit RemoteEmbeddedTopicAdmin(kafka::AdminClient* client) : client_(client) {}

  Result<std::optional<TopicDescription>> Describe(const std::string& topic) override {
    return FindInList(*client_, topic);
  }
  Result<std::vector<TopicDescription>> List() override { return ListTopics(*client_); }

  Status Create(const NewTopic& topic) override {
    MR_ASSIGN_OR_RETURN(const auto found, FindInList(*client_, topic.name));
    if (found.has_value()) return Status::AlreadyExists("topic " + topic.name + " exists");
    return client_->CreateByUse(topic.name);
  }
  Status Delete(const std::string& topic) override {
    return Status::InvalidArgument("deleting topic " + topic +
                                   ": the embedded broker cannot; start it anew to be rid of all topics");
  }
  /// The broker drops the oldest records of a partition by itself.
  Status DeleteRecords(const TopicPartition& /*partition*/, Offset /*before*/) override {
    return Status::Ok();
  }
  std::optional<std::int32_t> fixed_partitions() const override {
    return kafka::EmbeddedBroker::kPartitionsOnUse;
  }

 private:
  kafka::AdminClient* const client_;
};

}  // namespace

std::unique_ptr<TopicAdmin> MakeRemoteEmbeddedTopicAdmin(kafka::AdminClient* client) {
  return std::make_unique<RemoteEmbeddedTopicAdmin>(client);
}

std::unique_ptr<TopicAdmin> MakeKafkaTopicAdmin(kafka::AdminClient* client) {
  return std::make_unique<KafkaTopicAdmin>(client);
}

std::unique_ptr<TopicAdmin> MakeEmbeddedTopicAdmin(kafka::AdminClient* client,
                                                   kafka::EmbeddedBroker* broker) {
  return std::make_unique<EmbeddedTopicAdmin>(client, broker);
}

}  // namespace millrace
