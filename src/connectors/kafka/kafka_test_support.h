#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connect/cluster.h"
#include "connectors/kafka/kafka_cluster.h"
#include "env/clock.h"

namespace millrace::test {

/// The address of the Apache Kafka that the integration tests use; unless MILLRACE_TEST_KAFKA names one, the
/// test skips itself with the reason and this is empty. To be called in SetUp.
std::string RealBroker();

inline constexpr std::chrono::seconds kDeadline{40};

/// Calls `step` until it returns true; false when that took longer than kDeadline.
bool Until(const std::function<bool()>& step);

/// Value, key, offset and timestamp of one record received.
struct Received {
  std::string key;
  std::string value;
  bool null_key = false;
  bool null_value = false;
  std::int64_t offset = -1;
  std::int64_t timestamp_ms = -1;
  std::map<std::string, std::string> headers;
};

std::vector<Received> RecordsOf(const RecordBlock& block);

/// A group member that starts each partition where the test says (by default at 0) and collects what it gets.
class Member final : public AssignmentListener {
 public:
  Member(Cluster& cluster, const std::string& group, const std::vector<std::string>& topics);
  ~Member() override;

  void OnAssigned(std::vector<TopicPartition> partitions) override;
  void OnRevoked(std::vector<TopicPartition> partitions, bool lost) override;

  /// One Poll of 50 ms; what came is added to `received`.
  void Step();
  std::size_t count() const;

  bool start_when_assigned = true;
  std::vector<TopicPartition> assigned;
  int assignments = 0;
  int revocations = 0;
  std::vector<TopicPartition> revoked;  ///< of all revocations
  std::function<void()> on_revoked;     ///< called at the end of each; may be empty
  /// Assignments and revocations took turns, and each revocation was of exactly what was assigned.
  bool alternated = true;
  int losses = 0;
  std::map<TopicPartition, std::vector<Received>> received;
  std::map<TopicPartition, Offset> next_offset;
  Status last_error;

  GroupMember& member() { return *member_; }

 private:
  std::unique_ptr<GroupMember> member_;
  std::vector<TopicPartition> to_start_;
};

/// Sends one record of text.
Status SendText(Producer& producer, const TopicPartition& to, std::string_view key, std::string_view value);

}  // namespace millrace::test
