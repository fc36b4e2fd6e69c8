#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace millrace {

struct TopicDescription {
  std::string name;
  std::int32_t partitions = 0;
  std::string topic_id;  ///< empty when the broker has none; changes when the topic is deleted and made again
  std::map<std::string, std::string> config{};
};

struct NewTopic {
  std::string name;
  std::int32_t partitions = 1;
  std::int16_t replication_factor = -1;  ///< -1: the broker's default
  std::map<std::string, std::string> config{};
};

/// Topics of a cluster: made, described, deleted. Thread-safe. All errors name the topic.
class TopicAdmin {
 public:
  virtual ~TopicAdmin() = default;
  /// nullopt when there is no such topic. Errors: kUnavailable when no broker answers in time,
  /// kPermissionDenied.
  virtual Result<std::optional<TopicDescription>> Describe(const std::string& topic) = 0;
  virtual Result<std::vector<TopicDescription>> List() = 0;
  /// kAlreadyExists is reported as such.
  virtual Status Create(const NewTopic& topic) = 0;
  virtual Status Delete(const std::string& topic) = 0;
  /// The partition count that every new topic gets, where the broker takes no requests that name one;
  /// nullopt: as NewTopic says.
  virtual std::optional<std::int32_t> fixed_partitions() const { return std::nullopt; }
  /// Removes records below `before` (repartition purge). Precondition: `before` is known to be committed.
  virtual Status DeleteRecords(const TopicPartition& partition, Offset before) = 0;
};

}  // namespace millrace
