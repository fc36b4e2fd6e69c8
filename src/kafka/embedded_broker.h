#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/mutex.h"
#include "base/result.h"
#include "kafka/client.h"

typedef struct rd_kafka_mock_cluster_s rd_kafka_mock_cluster_t;

namespace millrace::kafka {

/// A Kafka broker inside this process: librdkafka's mock cluster, which speaks the real protocol on a
/// loopback port, so that any client can talk to it. Thread-safe.
///
/// For demonstrations and tests. It keeps the last 5 MiB or 100,000 records of a partition, compacts nothing,
/// forgets everything at the end, and answers transactional offset commits without storing them: it proves
/// nothing about exactly-once. It knows no admin requests; topics are made by the calls below, or on first
/// use with kPartitionsOnUse partitions.
class EmbeddedBroker {
 public:
  static constexpr std::int32_t kPartitionsOnUse = 4;

  struct Topic {
    std::int32_t partitions = 0;
    std::string id;
  };

  /// `clock` must outlive the broker.
  static Result<std::unique_ptr<EmbeddedBroker>> Start(const Clock& clock);
  ~EmbeddedBroker();

  /// "127.0.0.1:PORT", for bootstrap.servers.
  const std::string& bootstrap() const { return bootstrap_; }

  /// Errors: kAlreadyExists, user error for the name or the count.
  Status CreateTopic(const std::string& topic, std::int32_t partitions);
  /// Errors: kNotFound.
  Status DeleteTopic(const std::string& topic);
  Status DeleteRecords(const TopicPartition& partition, Offset before);
  /// The next requests with this key of the Kafka protocol fail, one per error (librdkafka's numbers; a
  /// negative one loses the connection instead of answering). For tests of what the clients make of it.
  void FailRequests(std::int16_t api_key, const std::vector<int>& errors);
  /// As a broker that is too old for the requests with this key: it does not offer them. For tests.
  void Unlearn(std::int16_t api_key);
  /// The topics made by CreateTopic.
  std::map<std::string, Topic> topics() const;

 private:
  EmbeddedBroker() = default;

  std::unique_ptr<Client> client_;              // constant after Start; the cluster lives on its handle
  rd_kafka_mock_cluster_t* cluster_ = nullptr;  // constant after Start; own synchronisation
  std::string bootstrap_;                       // constant after Start

  mutable Mutex mutex_;
  std::map<std::string, Topic> topics_;  // guarded by mutex_
  int topics_made_ = 0;                  // guarded by mutex_
};

}  // namespace millrace::kafka
