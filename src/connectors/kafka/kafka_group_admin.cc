#include "connectors/kafka/kafka_group_admin.h"

#include <utility>

#include "connectors/kafka/kafka_group_member.h"

namespace millrace {
namespace {

class KafkaGroupAdmin final : public GroupAdmin {
 public:
  explicit KafkaGroupAdmin(kafka::AdminClient* client) : client_(client) {}

  Result<std::vector<MemberDescription>> Members(const std::string& group) override {
    MR_ASSIGN_OR_RETURN(std::vector<kafka::GroupMemberInfo> found, client_->Members(group));
    std::vector<MemberDescription> members;
    members.reserve(found.size());
    for (kafka::GroupMemberInfo& member : found) {
      // Brokers write an address as "/10.0.0.1": a name they did not look up, and the address.
      const bool slash = member.host.starts_with('/');
      members.push_back({.client_id = std::move(member.client_id),
                         .host = member.host.substr(slash ? 1 : 0),
                         .assigned = std::move(member.assigned)});
    }
    return members;
  }

  Result<std::vector<CommittedOffset>> Offsets(const std::string& group) override {
    MR_ASSIGN_OR_RETURN(std::vector<kafka::GroupOffset> found, client_->CommittedOffsets(group));
    std::vector<CommittedOffset> offsets;
    offsets.reserve(found.size());
    for (kafka::GroupOffset& at : found)
      offsets.push_back({std::move(at.partition), at.offset, std::move(at.metadata)});
    return offsets;
  }

  Status SetOffsets(const std::string& group, std::span<const CommittedOffset> offsets) override {
    std::vector<kafka::GroupOffset> wanted;
    wanted.reserve(offsets.size());
    for (const CommittedOffset& at : offsets) wanted.push_back({at.partition, at.offset, at.metadata});
    return client_->SetGroupOffsets(group, wanted);
  }

  Result<std::shared_ptr<const GroupToken>> EmptyGroupToken(
      const std::string& group, std::span<const TopicPartition> partitions) override {
    return std::shared_ptr<const GroupToken>(std::make_shared<KafkaGroupToken>(
        kafka::MembershipOfNobody(group, {partitions.begin(), partitions.end()})));
  }

 private:
  kafka::AdminClient* const client_;
};

}  // namespace

std::unique_ptr<GroupAdmin> MakeKafkaGroupAdmin(kafka::AdminClient* client) {
  return std::make_unique<KafkaGroupAdmin>(client);
}

}  // namespace millrace
