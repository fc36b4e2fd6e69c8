#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/duration.h"
#include "base/ids.h"
#include "base/result.h"
#include "kafka/client.h"
#include "kafka/offsets.h"

namespace millrace::kafka {

struct TopicInfo {
  std::string name;
  std::int32_t partitions = 0;
  std::string id;                             ///< empty when the broker gives none
  std::map<std::string, std::string> config;  ///< only in Describe
};

struct TopicToCreate {
  std::string name;
  std::int32_t partitions = 1;
  std::int16_t replication_factor = -1;  ///< -1: the broker's default
  std::map<std::string, std::string> config;
};

/// One member of a consumer group, as the coordinator knows it.
struct GroupMemberInfo {
  std::string client_id;
  std::string host;                      ///< "/127.0.0.1"
  std::vector<TopicPartition> assigned;  ///< none while a rebalance is going on
};

/// Topics and groups of a cluster, by admin requests. Thread-safe; every call blocks until the answer or a
/// timeout of 30 s. Errors: kUnavailable or kTimeout without an answer, kPermissionDenied, and the broker's
/// refusal; all name the topic or group.
class AdminClient {
 public:
  static Result<std::unique_ptr<AdminClient>> Make(const ClientOptions& options);

  Status WaitForBroker(Duration timeout, const std::function<void(const Status&)>& on_attempt) {
    return client_->WaitForBroker(timeout, on_attempt);
  }

  /// True when the broker is librdkafka's mock cluster (EmbeddedBroker), of this process or another: it takes
  /// no admin requests and stores no transactional offsets. Precondition: a broker has answered.
  bool IsEmbeddedBroker() const;

  /// nullopt when there is no such topic. Never creates one.
  Result<std::optional<TopicInfo>> Describe(const std::string& topic);
  /// All topics but the broker's internal ones, in name order.
  Result<std::vector<TopicInfo>> List();
  /// Returns when the topic can be described.
  Status Create(const TopicToCreate& topic);
  /// Asks for a topic in a way that lets the broker make it with its own defaults.
  Status CreateByUse(const std::string& topic);
  Status Delete(const std::string& topic);
  Status DeleteRecords(const TopicPartition& partition, Offset before);
  Result<std::pair<Offset, Offset>> Bounds(const TopicPartition& partition);

  /// The members of a consumer group; none when there is no such group. The group does not notice.
  Result<std::vector<GroupMemberInfo>> Members(const std::string& group);
  /// Every offset that a group has committed; none when there is no such group.
  Result<std::vector<GroupOffset>> CommittedOffsets(const std::string& group);
  /// Commits offsets of a group without joining it. Errors: kAborted when it has members.
  Status SetGroupOffsets(const std::string& group, std::span<const GroupOffset> offsets);

 private:
  explicit AdminClient(ClientOptions options) : options_(std::move(options)) {}
  static Result<std::vector<GroupOffset>> AskForOffsets(const Client& client, const std::string& group);
  Status WaitUntilKnown(const std::string& topic);
  Result<std::map<std::string, std::string>> DescribeConfig(const std::string& topic);

  const ClientOptions options_;
  std::unique_ptr<Client> client_;
};

}  // namespace millrace::kafka
