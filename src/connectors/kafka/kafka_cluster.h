#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/duration.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "connect/cluster.h"
#include "env/clock.h"
#include "kafka/admin_client.h"
#include "kafka/embedded_broker.h"
#include "kafka/properties.h"

namespace millrace {

struct KafkaClusterOptions {
  /// The `kafka:` section of the pipeline. With `embedded` it needs no bootstrap.servers.
  kafka::Properties properties;
  /// Start of every client's name: "<client_id>-admin" and so on.
  std::string client_id = "millrace";
  const Clock* clock = nullptr;       ///< required; must outlive the cluster and what it makes
  MetricRegistry* metrics = nullptr;  ///< optional; the same
  /// The broker of this process to talk to, or null for a real one; must outlive the cluster.
  kafka::EmbeddedBroker* embedded = nullptr;
};

/// A Cluster that is Apache Kafka, or the embedded broker of this or another process. Thread-safe.
class KafkaCluster final : public Cluster {
 public:
  /// Checks the properties; contacts nobody. Errors: user error naming the property.
  static Result<std::unique_ptr<KafkaCluster>> Make(KafkaClusterOptions options);
  ~KafkaCluster() override;

  /// Waits until a broker answers, with growing pauses between attempts, and finds out whether it is the
  /// embedded one of another process. To be called first, while no other thread uses the cluster.
  /// `on_attempt` (may be null) gets the reason of each failed attempt. Errors: kUnavailable after `timeout`;
  /// kPermissionDenied at once when credentials or certificates are refused; the message says what to check.
  Status WaitForBroker(Duration timeout, const std::function<void(const Status&)>& on_attempt);

  /// Its bootstrap.servers.
  std::string bootstrap() const;

  Result<std::unique_ptr<GroupMember>> MakeGroupMember(const std::string& group,
                                                       const std::string& client_id) override;
  Result<std::unique_ptr<Producer>> MakeProducer(const std::string& transactional_id) override;
  void SetTopicLimits(const TopicLimits& limits) override;
  Result<std::unique_ptr<ChangelogReader>> MakeChangelogReader() override;
  TopicAdmin& admin() override { return *topic_admin_; }
  GroupAdmin* groups() override { return embedded_ ? nullptr : group_admin_.get(); }
  bool supports_exactly_once() const override { return !embedded_; }

 private:
  explicit KafkaCluster(KafkaClusterOptions options)
      : options_(std::move(options)), embedded_(options_.embedded != nullptr) {}
  kafka::ClientOptions ClientOptionsFor(const std::string& client_id) const;

  const KafkaClusterOptions options_;
  bool embedded_;  // constant after WaitForBroker
  std::unique_ptr<kafka::AdminClient> admin_client_;
  std::unique_ptr<TopicAdmin> topic_admin_;
  std::unique_ptr<GroupAdmin> group_admin_;

  Mutex mutex_;
  TopicLimits topic_limits_;  // guarded by mutex_
};

}  // namespace millrace
