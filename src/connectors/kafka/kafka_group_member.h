#pragma once

#include <memory>
#include <span>
#include <vector>

#include "connect/group_member.h"
#include "kafka/group_consumer.h"

namespace millrace {

/// The GroupToken of the Kafka connector, read by its Producer.
class KafkaGroupToken final : public GroupToken {
 public:
  explicit KafkaGroupToken(std::shared_ptr<const kafka::GroupMembership> membership)
      : membership_(std::move(membership)) {}
  const kafka::GroupMembership& membership() const { return *membership_; }

 private:
  const std::shared_ptr<const kafka::GroupMembership> membership_;
};

std::unique_ptr<GroupMember> MakeKafkaGroupMember(std::unique_ptr<kafka::GroupConsumer> consumer);

/// What the clients passed over, as the contracts say it.
std::vector<UndecodableRecords> ToUndecodable(std::vector<kafka::SkippedRecords> skipped);

/// The same offsets in the form that the clients take.
std::vector<kafka::GroupOffset> ToGroupOffsets(std::span<const CommittedOffset> offsets);

}  // namespace millrace
