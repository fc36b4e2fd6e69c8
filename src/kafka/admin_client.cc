#include "kafka/admin_client.h"

#include <algorithm>
#include <array>

#include <librdkafka/rdkafka.h>

#include "kafka/error.h"
#include "kafka/handle.h"
#include "kafka/offsets.h"

namespace millrace::kafka {
namespace {

constexpr Duration kTimeout{30'000};
constexpr int kTimeoutMs = 30'000;
constexpr int kAttemptMs = 2'500;
constexpr int kKnownAttempts = 200;
constexpr int kKnownPauseMs = 50;
constexpr int kClusterIdTimeoutMs = 1000;
constexpr std::string_view kMockClusterId = "mockCluster";  // how librdkafka begins the id of each

using Resource = std::unique_ptr<rd_kafka_ConfigResource_t, Destroyer<rd_kafka_ConfigResource_destroy>>;
using NewTopicPointer = std::unique_ptr<rd_kafka_NewTopic_t, Destroyer<rd_kafka_NewTopic_destroy>>;
using DeleteTopicPointer = std::unique_ptr<rd_kafka_DeleteTopic_t, Destroyer<rd_kafka_DeleteTopic_destroy>>;
using DeleteRecordsPointer =
    std::unique_ptr<rd_kafka_DeleteRecords_t, Destroyer<rd_kafka_DeleteRecords_destroy>>;
using Topics = std::unique_ptr<rd_kafka_TopicCollection_t, Destroyer<rd_kafka_TopicCollection_destroy>>;
using GroupOffsets = std::unique_ptr<rd_kafka_AlterConsumerGroupOffsets_t,
                                     Destroyer<rd_kafka_AlterConsumerGroupOffsets_destroy>>;
using OffsetsRequest = std::unique_ptr<rd_kafka_ListConsumerGroupOffsets_t,
                                       Destroyer<rd_kafka_ListConsumerGroupOffsets_destroy>>;
using TopicHandle = std::unique_ptr<rd_kafka_topic_t, Destroyer<rd_kafka_topic_destroy>>;
using Metadata = std::unique_ptr<const rd_kafka_metadata_t, Destroyer<rd_kafka_metadata_destroy>>;

/// Learns from any broker which of them takes admin requests now. The client goes on to wait for the one that
/// it knows, also when that one has died, and does not ask by itself.
void FindController(const Client& client) {
  const rd_kafka_metadata_t* answer = nullptr;
  if (rd_kafka_metadata(client.handle(), 0, nullptr, &answer, kAttemptMs) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    rd_kafka_metadata_destroy(answer);
  }
}

template <typename Request>
Result<Event> Attempt(const Client& client, rd_kafka_admin_op_t operation, const std::string& context,
                      int timeout_ms, Request request) {
  FindController(client);
  const AdminOptions options(rd_kafka_AdminOptions_new(client.handle(), operation));
  std::array<char, 256> text{};
  rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_ms, text.data(), text.size());
  const Queue queue(rd_kafka_queue_new(client.handle()));
  request(options.get(), queue.get());
  Event event(rd_kafka_queue_poll(queue.get(), timeout_ms + 1000));
  rd_kafka_poll(client.handle(), 0);  // serves the error callback, so that Explain knows the reason
  if (event == nullptr) {
    return client.Explain(Status::Timeout(context + ": no answer of the broker within " +
                                          FormatDuration(Duration(timeout_ms))));
  }
  if (const int error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return client.Explain(ToStatus(error, context, rd_kafka_event_error_string(event.get())));
  }
  return event;
}

/// Makes one admin request, which changes something, and waits for its result: `request(options, queue)`
/// sends it.
template <typename Request>
Result<Event> AskOnce(const Client& client, rd_kafka_admin_op_t operation, const std::string& context,
                      Request request) {
  return Attempt(client, operation, context, kTimeoutMs, request);
}

/// The same for a request that may be made again: a broker that died in the meantime is not waited for.
template <typename Request>
Result<Event> Ask(const Client& client, rd_kafka_admin_op_t operation, const std::string& context,
                  Request request) {
  for (int left_ms = kTimeoutMs - kAttemptMs;; left_ms -= 2 * kAttemptMs) {
    Result<Event> answer = Attempt(client, operation, context, kAttemptMs, request);
    if (answer.ok() || answer.status().code() != StatusCode::kTimeout || left_ms < kAttemptMs) return answer;
  }
}

Status TopicResult(const rd_kafka_topic_result_t* const* results, std::size_t count,
                   const std::string& context) {
  if (count != 1) return Status::Unavailable(context + ": the broker's answer does not name the topic");
  const char* text = rd_kafka_topic_result_error_string(results[0]);
  const std::string_view reason = text == nullptr ? "" : text;
  const auto code = rd_kafka_topic_result_error(results[0]);
  // "All brokers are currently fenced": a cluster that is still starting, not a wrong factor.
  if (code == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR && reason.find("fenced") != reason.npos) {
    return Status::Unavailable(context + ": " + std::string(reason));
  }
  return ToStatus(code, context, reason);
}

}  // namespace

Result<std::unique_ptr<AdminClient>> AdminClient::Make(const ClientOptions& options) {
  std::unique_ptr<AdminClient> admin(new AdminClient(options));
  MR_ASSIGN_OR_RETURN(admin->client_, Client::Make(Role::kAdmin, options, {}, nullptr));
  return admin;
}

bool AdminClient::IsEmbeddedBroker() const {
  char* id = rd_kafka_clusterid(client_->handle(), kClusterIdTimeoutMs);
  if (id == nullptr) return false;
  const bool mock = std::string_view(id).starts_with(kMockClusterId);
  rd_kafka_mem_free(client_->handle(), id);
  return mock;
}

Result<std::optional<TopicInfo>> AdminClient::Describe(const std::string& topic) {
  const std::string context = "describing topic " + topic;
  const char* name = topic.c_str();
  const Topics topics(rd_kafka_TopicCollection_of_topic_names(&name, 1));
  MR_ASSIGN_OR_RETURN(
      const Event event,
      Ask(*client_, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, context, [&](auto* options, auto* queue) {
        rd_kafka_DescribeTopics(client_->handle(), topics.get(), options, queue);
      }));
  std::size_t count = 0;
  const auto* found =
      rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event.get()), &count);
  if (count != 1) return Status::Unavailable(context + ": the broker's answer does not name the topic");
  const rd_kafka_error_t* error = rd_kafka_TopicDescription_error(found[0]);
  if (rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
    return std::optional<TopicInfo>();
  if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return ToStatus(rd_kafka_error_code(error), context, rd_kafka_error_string(error));
  }
  TopicInfo info;
  info.name = topic;
  std::size_t partitions = 0;
  rd_kafka_TopicDescription_partitions(found[0], &partitions);
  info.partitions = static_cast<std::int32_t>(partitions);
  if (const rd_kafka_Uuid_t* id = rd_kafka_TopicDescription_topic_id(found[0]); id != nullptr) {
    if (rd_kafka_Uuid_most_significant_bits(id) != 0) info.id = rd_kafka_Uuid_base64str(id);
  }
  auto config = DescribeConfig(topic);
  // Between being made or deleted on one broker and on all: as good as not there.
  if (!config.ok() && config.status().code() == StatusCode::kNotFound) return std::optional<TopicInfo>();
  MR_ASSIGN_OR_RETURN(info.config, std::move(config));
  return std::optional(std::move(info));
}

Result<std::map<std::string, std::string>> AdminClient::DescribeConfig(const std::string& topic) {
  const std::string context = "reading the configuration of topic " + topic;
  const Resource resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  rd_kafka_ConfigResource_t* wanted = resource.get();
  MR_ASSIGN_OR_RETURN(
      const Event event,
      Ask(*client_, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, context, [&](auto* options, auto* queue) {
        rd_kafka_DescribeConfigs(client_->handle(), &wanted, 1, options, queue);
      }));
  std::size_t count = 0;
  const auto* found =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  if (count != 1) return Status::Unavailable(context + ": the broker's answer does not name the topic");
  const char* reason = rd_kafka_ConfigResource_error_string(found[0]);
  MR_RETURN_IF_ERROR(
      ToStatus(rd_kafka_ConfigResource_error(found[0]), context, reason == nullptr ? "" : reason));
  std::size_t entries = 0;
  const auto* config = rd_kafka_ConfigResource_configs(found[0], &entries);
  std::map<std::string, std::string> values;
  for (std::size_t i = 0; i < entries; ++i) {
    const char* value = rd_kafka_ConfigEntry_value(config[i]);
    values.emplace(rd_kafka_ConfigEntry_name(config[i]), value == nullptr ? "" : value);
  }
  return values;
}

Result<std::vector<TopicInfo>> AdminClient::List() {
  const rd_kafka_metadata_t* answer = nullptr;
  const auto error = rd_kafka_metadata(client_->handle(), 1, nullptr, &answer, kTimeoutMs);
  rd_kafka_poll(client_->handle(), 0);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return client_->Explain(ToStatus(error, "listing topics"));
  const Metadata metadata(answer);
  std::vector<TopicInfo> topics;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic_t& topic = metadata->topics[i];
    if (topic.err != RD_KAFKA_RESP_ERR_NO_ERROR || std::string_view(topic.topic).starts_with("__")) continue;
    TopicInfo info;
    info.name = topic.topic;
    info.partitions = topic.partition_cnt;
    topics.push_back(std::move(info));
  }
  std::sort(topics.begin(), topics.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return topics;
}

Status AdminClient::Create(const TopicToCreate& topic) {
  const std::string context = "creating topic " + topic.name;
  std::array<char, 256> text{};
  const NewTopicPointer fresh(rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions,
                                                    topic.replication_factor, text.data(), text.size()));
  if (fresh == nullptr) return Status::InvalidArgument(context + ": " + text.data());
  for (const auto& [name, value] : topic.config) {
    MR_RETURN_IF_ERROR(ToStatus(rd_kafka_NewTopic_set_config(fresh.get(), name.c_str(), value.c_str()),
                                context + ", " + name));
  }
  rd_kafka_NewTopic_t* wanted = fresh.get();
  MR_ASSIGN_OR_RETURN(
      const Event event,
      AskOnce(*client_, RD_KAFKA_ADMIN_OP_CREATETOPICS, context, [&](auto* options, auto* queue) {
        rd_kafka_AdminOptions_set_operation_timeout(options, kTimeoutMs, text.data(), text.size());
        rd_kafka_CreateTopics(client_->handle(), &wanted, 1, options, queue);
      }));
  std::size_t count = 0;
  const auto* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  MR_RETURN_IF_ERROR(TopicResult(results, count, context));
  return WaitUntilKnown(topic.name);
}

Status AdminClient::CreateByUse(const std::string& topic) {
  const std::string context = "creating topic " + topic;
  MR_ASSIGN_OR_RETURN(const auto client,
                      Client::Make(Role::kAdmin, options_, {{"allow.auto.create.topics", "true"}}, nullptr));
  const TopicHandle handle(rd_kafka_topic_new(client->handle(), topic.c_str(), nullptr));
  if (handle == nullptr) return ToStatus(rd_kafka_last_error(), context);
  const rd_kafka_metadata_t* answer = nullptr;
  const auto error = rd_kafka_metadata(client->handle(), 0, handle.get(), &answer, kTimeoutMs);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return client->Explain(ToStatus(error, context));
  const Metadata metadata(answer);
  if (metadata->topic_cnt != 1)
    return Status::Unavailable(context + ": the broker's answer does not name the topic");
  return ToStatus(metadata->topics[0].err, context);
}

Status AdminClient::WaitUntilKnown(const std::string& topic) {
  // Brokers hear of a new topic after the controller that has made it.
  for (int attempt = 0; attempt < kKnownAttempts; ++attempt) {
    MR_ASSIGN_OR_RETURN(const auto found, Describe(topic));
    if (found.has_value()) return Status::Ok();
    rd_kafka_poll(client_->handle(), kKnownPauseMs);
  }
  return Status::Timeout("topic " + topic + " was created, but no broker knows it yet; start again");
}

Status AdminClient::Delete(const std::string& topic) {
  const std::string context = "deleting topic " + topic;
  const DeleteTopicPointer doomed(rd_kafka_DeleteTopic_new(topic.c_str()));
  rd_kafka_DeleteTopic_t* wanted = doomed.get();
  std::array<char, 256> text{};
  MR_ASSIGN_OR_RETURN(
      const Event event,
      AskOnce(*client_, RD_KAFKA_ADMIN_OP_DELETETOPICS, context, [&](auto* options, auto* queue) {
        rd_kafka_AdminOptions_set_operation_timeout(options, kTimeoutMs, text.data(), text.size());
        rd_kafka_DeleteTopics(client_->handle(), &wanted, 1, options, queue);
      }));
  std::size_t count = 0;
  const auto* results =
      rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count);
  return TopicResult(results, count, context);
}

Status AdminClient::DeleteRecords(const TopicPartition& partition, Offset before) {
  const std::string context =
      "deleting records of " + partition.ToString() + " before offset " + std::to_string(before.value());
  const PartitionList list = MakePartitionList(std::span(&partition, 1));
  list->elems[0].offset = before.value();
  const DeleteRecordsPointer doomed(rd_kafka_DeleteRecords_new(list.get()));
  rd_kafka_DeleteRecords_t* wanted = doomed.get();
  MR_ASSIGN_OR_RETURN(
      const Event event,
      Ask(*client_, RD_KAFKA_ADMIN_OP_DELETERECORDS, context, [&](auto* options, auto* queue) {
        rd_kafka_DeleteRecords(client_->handle(), &wanted, 1, options, queue);
      }));
  const auto* offsets =
      rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event.get()));
  if (offsets->cnt != 1)
    return Status::Unavailable(context + ": the broker's answer does not name the partition");
  return ToStatus(offsets->elems[0].err, context);
}

Result<std::pair<Offset, Offset>> AdminClient::Bounds(const TopicPartition& partition) {
  auto bounds = LogBounds(client_->handle(), partition, kTimeout);
  if (!bounds.ok()) return client_->Explain(bounds.status());
  return bounds;
}

Result<std::vector<GroupMemberInfo>> AdminClient::Members(const std::string& group) {
  const std::string context = "describing group " + group;
  const char* name = group.c_str();
  MR_ASSIGN_OR_RETURN(
      const Event event,
      Ask(*client_, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, context, [&](auto* options, auto* queue) {
        rd_kafka_DescribeConsumerGroups(client_->handle(), &name, 1, options, queue);
      }));
  std::size_t count = 0;
  const auto* found = rd_kafka_DescribeConsumerGroups_result_groups(
      rd_kafka_event_DescribeConsumerGroups_result(event.get()), &count);
  if (count != 1) return Status::Unavailable(context + ": the broker's answer does not name the group");
  const rd_kafka_error_t* error = rd_kafka_ConsumerGroupDescription_error(found[0]);
  std::vector<GroupMemberInfo> members;
  if (rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) return members;
  if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return ToStatus(rd_kafka_error_code(error), context, rd_kafka_error_string(error));
  }
  for (std::size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(found[0]); ++i) {
    const rd_kafka_MemberDescription_t* member = rd_kafka_ConsumerGroupDescription_member(found[0], i);
    const rd_kafka_MemberAssignment_t* assignment = rd_kafka_MemberDescription_assignment(member);
    members.push_back({rd_kafka_MemberDescription_client_id(member), rd_kafka_MemberDescription_host(member),
                       FromPartitionList(rd_kafka_MemberAssignment_partitions(assignment))});
  }
  return members;
}

Result<std::vector<GroupOffset>> AdminClient::CommittedOffsets(const std::string& group) {
  // A client without a group dies of a coordinator that has moved (issue 5040 of librdkafka, open at 2.15.1).
  MR_ASSIGN_OR_RETURN(const auto client,
                      Client::Make(Role::kGroupConsumer, options_, {{"group.id", group}}, nullptr));
  // A coordinator that moves or is loading refuses; with a group of its own the client learns who it is.
  const auto begin = options_.clock->Steady();
  while (true) {
    auto offsets = AskForOffsets(*client, group);
    const bool may_pass = offsets.status().code() == StatusCode::kUnavailable;
    if (!may_pass || options_.clock->Steady() - begin > kTimeout) return offsets;
    rd_kafka_poll(client_->handle(), kKnownPauseMs);
  }
}

Result<std::vector<GroupOffset>> AdminClient::AskForOffsets(const Client& client, const std::string& group) {
  const std::string context = "asking for the offsets of group " + group;
  const OffsetsRequest wanted(rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), nullptr));
  rd_kafka_ListConsumerGroupOffsets_t* request = wanted.get();
  MR_ASSIGN_OR_RETURN(
      const Event event,
      Ask(client, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, context, [&](auto* options, auto* queue) {
        rd_kafka_ListConsumerGroupOffsets(client.handle(), &request, 1, options, queue);
      }));
  std::size_t count = 0;
  const auto* results = rd_kafka_ListConsumerGroupOffsets_result_groups(
      rd_kafka_event_ListConsumerGroupOffsets_result(event.get()), &count);
  if (count != 1) return Status::Unavailable(context + ": the broker's answer does not name the group");
  std::vector<GroupOffset> offsets;
  if (const rd_kafka_error_t* error = rd_kafka_group_result_error(results[0]); error != nullptr) {
    if (rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) return offsets;
    return ToStatus(rd_kafka_error_code(error), context, rd_kafka_error_string(error));
  }
  const rd_kafka_topic_partition_list_t* found = rd_kafka_group_result_partitions(results[0]);
  for (int i = 0; i < found->cnt; ++i) {
    const rd_kafka_topic_partition_t& one = found->elems[i];
    const TopicPartition partition{one.topic, Partition(one.partition)};
    MR_RETURN_IF_ERROR(ToStatus(one.err, context + ", " + partition.ToString()));
    if (one.offset < 0) continue;  // nothing is committed
    GroupOffset& at = offsets.emplace_back(GroupOffset{partition, Offset(one.offset), {}});
    if (one.metadata != nullptr)
      at.metadata.assign(static_cast<const char*>(one.metadata), one.metadata_size);
  }
  return offsets;
}

Status AdminClient::SetGroupOffsets(const std::string& group, std::span<const GroupOffset> offsets) {
  const std::string context = "setting the offsets of group " + group;
  const PartitionList list = MakePartitionList(offsets);
  const GroupOffsets wanted(rd_kafka_AlterConsumerGroupOffsets_new(group.c_str(), list.get()));
  rd_kafka_AlterConsumerGroupOffsets_t* request = wanted.get();
  MR_ASSIGN_OR_RETURN(const Event event, AskOnce(*client_, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS,
                                                 context, [&](auto* options, auto* queue) {
                                                   rd_kafka_AlterConsumerGroupOffsets(
                                                       client_->handle(), &request, 1, options, queue);
                                                 }));
  std::size_t count = 0;
  const auto* results = rd_kafka_AlterConsumerGroupOffsets_result_groups(
      rd_kafka_event_AlterConsumerGroupOffsets_result(event.get()), &count);
  if (count != 1) return Status::Unavailable(context + ": the broker's answer does not name the group");
  if (const rd_kafka_error_t* error = rd_kafka_group_result_error(results[0]); error != nullptr) {
    return ToStatus(rd_kafka_error_code(error), context, rd_kafka_error_string(error));
  }
  const rd_kafka_topic_partition_list_t* done = rd_kafka_group_result_partitions(results[0]);
  for (int i = 0; i < done->cnt; ++i) {
    const rd_kafka_topic_partition_t& one = done->elems[i];
    MR_RETURN_IF_ERROR(
        ToStatus(one.err, context + ", " + one.topic + "[" + std::to_string(one.partition) + "]"));
  }
  return Status::Ok();
}

}  // namespace millrace::kafka
