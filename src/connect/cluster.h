#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "connect/changelog.h"
#include "connect/group_admin.h"
#include "connect/group_member.h"
#include "connect/producer.h"
#include "connect/topic_admin.h"

namespace millrace {

/// Bytes of a batch of records that topics take (their `max.message.bytes`), by topic, where that is known.
using TopicLimits = std::map<std::string, std::int64_t, std::less<>>;

/// Makes the parts that workers drive, all talking to one log: Apache Kafka, or the log in memory.
/// Thread-safe.
class Cluster {
 public:
  virtual ~Cluster() = default;
  virtual Result<std::unique_ptr<GroupMember>> MakeGroupMember(const std::string& group,
                                                               const std::string& client_id) = 0;
  /// `transactional_id` empty: an idempotent producer without transactions (at_least_once).
  virtual Result<std::unique_ptr<Producer>> MakeProducer(const std::string& transactional_id) = 0;
  /// Producers made from now on refuse a record that its topic does not take, as a user error of Send, and
  /// make no batch of several that is larger than the narrowest of `limits`. Nothing to do where the log
  /// itself refuses single records.
  virtual void SetTopicLimits(const TopicLimits& /*limits*/) {}
  virtual Result<std::unique_ptr<ChangelogReader>> MakeChangelogReader() = 0;
  virtual TopicAdmin& admin() = 0;
  /// Null where groups cannot be looked at from outside: the embedded broker.
  virtual GroupAdmin* groups() { return nullptr; }
  /// True when transactions are real: false for the embedded broker of whatever process, which answers
  /// TxnOffsetCommit without storing it.
  virtual bool supports_exactly_once() const = 0;
};

}  // namespace millrace
