#include "kafka/group_consumer.h"

#include <algorithm>

#include <librdkafka/rdkafka.h>

#include "base/check.h"
#include "base/log.h"
#include "kafka/error.h"

namespace millrace::kafka {
namespace {

constexpr Duration kBoundsTimeout{10'000};
constexpr Duration kSeekTimeout{10'000};
// Records and events wait in two queues, so that events are served while records are held back. While there
// are no records the event queue is looked at this often.
constexpr Duration kEventSlice{20};
constexpr int kWakeTimeoutMs = 100;
constexpr int kMostEventsPerPoll = 1000;
// From the first connection to the coordinator; the first heartbeat follows that at once or never.
constexpr std::chrono::seconds kFirstHeartbeatWithin{3};

/// The cluster does not offer the consumer protocol, or not to this group.
bool RefusesProtocol(int code) {
  return code == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION || code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE ||
         code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND || code == RD_KAFKA_RESP_ERR_UNSUPPORTED_ASSIGNOR;
}

}  // namespace

GroupMembership::~GroupMembership() { rd_kafka_consumer_group_metadata_destroy(metadata_); }

std::shared_ptr<const GroupMembership> MembershipOfNobody(const std::string& group,
                                                          std::set<TopicPartition> partitions) {
  return std::make_shared<const GroupMembership>(rd_kafka_consumer_group_metadata_new(group.c_str()),
                                                 std::move(partitions));
}

GroupConsumer::GroupConsumer(ClientOptions options, std::string group)
    : options_(std::move(options)),
      group_(std::move(group)),
      clock_(*options_.clock),
      metrics_(options_.metrics) {}

Result<std::unique_ptr<GroupConsumer>> GroupConsumer::Make(const ClientOptions& options,
                                                           const std::string& group) {
  std::unique_ptr<GroupConsumer> consumer(new GroupConsumer(options, group));
  MR_RETURN_IF_ERROR(consumer->MakeClient(ProtocolOf(options.properties)));
  return consumer;
}

Status GroupConsumer::MakeClient(GroupProtocol protocol) {
  ClientOptions options = options_;
  if (protocol == GroupProtocol::kClassic) options.properties.erase("group.protocol");
  MR_ASSIGN_OR_RETURN(client_, Client::Make(Role::kGroupConsumer, options, {{"group.id", group_}}, this));
  protocol_ = protocol;
  was_assigned_ = false;
  rd_kafka_poll_set_consumer(client_->handle());
  fetch_ = std::make_unique<Fetch>(
      client_->handle(),
      [this](const TopicPartition& partition, Offset offset) { return Seek(partition, offset); }, metrics_);
  return Status::Ok();
}

GroupConsumer::~GroupConsumer() {
  // Not closed: nobody may be called back any more, and the group finds out by the session timeout.
  listener_ = nullptr;
}

Status GroupConsumer::Subscribe(const std::vector<std::string>& topics, RebalanceListener* listener) {
  MR_CHECK(listener_ == nullptr) << "subscribed twice";
  listener_ = listener;
  topics_ = topics;
  return Join();
}

Status GroupConsumer::JoinAnew(const Status& cause) {
  if (joins_anew_) return Status::Ok();
  joins_anew_ = true;
  Log(LogLevel::kWarning, "joining the group anew", {{"group", group_}, {"cause", cause}});
  return Join();
}

void GroupConsumer::TakeAnew(const TopicPartition& partition, const Status& cause) {
  Log(LogLevel::kWarning, "taking a partition anew", {{"group", group_}, {"cause", cause}});
  const PartitionList list = MakePartitionList(std::span(&partition, 1));
  rd_kafka_pause_partitions(client_->handle(), list.get());
  if (listener_ != nullptr) listener_->OnRevoked({partition}, false);
  fetch_->Remove(partition);
  fetch_->Add(partition);
  statistics_.erase(partition);
  if (listener_ != nullptr) listener_->OnAssigned({partition});
}

Status GroupConsumer::GiveUp(const GonePartition& gone) {
  // Nobody else can read it either; whoever starts the partition again decides where to go on.
  if (protocol_ == GroupProtocol::kClassic) return JoinAnew(gone.cause);
  if (held_.contains(gone.partition)) TakeAnew(gone.partition, gone.cause);
  return Status::Ok();
}

Status GroupConsumer::FallBackToClassic(const std::string& reason) {
  Log(LogLevel::kWarning, "the group protocol 'consumer' is not to be had; going on with 'classic'",
      {{"group", group_}, {"reason", reason}});
  return JoinWithNewClient(GroupProtocol::kClassic);
}

Status GroupConsumer::JoinWithNewClient(GroupProtocol protocol) {
  const std::vector<TopicPartition> lost(held_.begin(), held_.end());
  if (listener_ != nullptr && !lost.empty()) listener_->OnRevoked(lost, true);
  Drop(lost);
  membership_.reset();
  fetch_.reset();
  client_.reset();
  MR_RETURN_IF_ERROR(MakeClient(protocol));
  return Join();
}

Status GroupConsumer::OnFatalError() {
  const Status status = FatalError(client_->handle(), "consumer of group " + group_);
  const int code = rd_kafka_fatal_error(client_->handle(), nullptr, 0);
  if (protocol_ == GroupProtocol::kClassic || status.code() != StatusCode::kOutcomeUnknown) return status;
  if (!was_assigned_ && RefusesProtocol(code)) {
    return FallBackToClassic(rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(code)));
  }
  // Twice in a row is for the user to see to.
  if (!was_assigned_) return Status::InvalidArgument(status.message());
  Log(LogLevel::kWarning, "joining the group anew", {{"group", group_}, {"cause", status}});
  return JoinWithNewClient(GroupProtocol::kConsumer);
}

Status GroupConsumer::WatchFirstHeartbeat() {
  const JoinRequests& join = client_->join_requests();
  if (protocol_ == GroupProtocol::kClassic || join.heartbeat_sent || !join.coordinator_reached)
    return Status::Ok();
  const auto now = clock_.Steady();
  if (coordinator_reached_at_.count() < 0) coordinator_reached_at_ = now;
  if (now - coordinator_reached_at_ < kFirstHeartbeatWithin) return Status::Ok();
  return FallBackToClassic("the group's coordinator does not know its heartbeat");
}

Status GroupConsumer::Join() {
  coordinator_reached_at_ = std::chrono::nanoseconds(-1);
  const PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(topics_.size())));
  for (const std::string& topic : topics_) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  return ToStatus(rd_kafka_subscribe(client_->handle(), list.get()), "joining group " + group_);
}

void GroupConsumer::OnRebalance(int code, rd_kafka_topic_partition_list_t* partitions) {
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    Assign(partitions);
    return;
  }
  if (code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
    Log(LogLevel::kWarning, "Kafka rebalance failed; joining again",
        {{"group", group_}, {"reason", rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(code))}});
  }
  Revoke(partitions);
}

void GroupConsumer::Assign(rd_kafka_topic_partition_list_t* partitions) {
  rd_kafka_t* handle = client_->handle();
  for (int i = 0; i < partitions->cnt; ++i) {
    // Any absolute offset keeps librdkafka from asking for the committed one itself; Start seeks to the right
    // one. (While it asks for a logical one, as the end of the log, a seek is forgotten again.)
    partitions->elems[i].offset = 0;
    rd_kafka_queue_t* source =
        rd_kafka_queue_get_partition(handle, partitions->elems[i].topic, partitions->elems[i].partition);
    if (source == nullptr) continue;
    rd_kafka_queue_forward(source, fetch_->queue());
    rd_kafka_queue_destroy(source);
  }
  // The eager protocol allows one assign() only, so partitions start paused and are sought one by one. From
  // before, so that nothing is fetched at that offset.
  rd_kafka_pause_partitions(handle, partitions);
  const std::string context = "taking the assignment of group " + group_;
  std::vector<TopicPartition> assigned = FromPartitionList(partitions);
  if (protocol_ == GroupProtocol::kConsumer) {
    pending_error_ = TakeError(rd_kafka_incremental_assign(handle, partitions), context);
    if (!held_.empty()) WakeFetching();
  } else {
    pending_error_ = ToStatus(rd_kafka_assign(handle, partitions), context);
    fetch_->Clear();
    held_.clear();
    statistics_.clear();
  }
  for (const TopicPartition& tp : assigned) fetch_->Add(tp);
  held_.insert(assigned.begin(), assigned.end());
  joins_anew_ = false;
  was_assigned_ = true;
  client_->ForgetError();
  TakeMembership();
  if (listener_ != nullptr) listener_->OnAssigned(std::move(assigned));
}

void GroupConsumer::Revoke(rd_kafka_topic_partition_list_t* partitions) {
  rd_kafka_t* handle = client_->handle();
  const bool lost = rd_kafka_assignment_lost(handle) != 0;
  const std::vector<TopicPartition> revoked = FromPartitionList(partitions);
  if (listener_ != nullptr && !held_.empty()) listener_->OnRevoked(revoked, lost);
  membership_.reset();
  if (protocol_ == GroupProtocol::kConsumer) {
    Drop(revoked);
    pending_error_ = TakeError(rd_kafka_incremental_unassign(handle, partitions),
                               "giving up partitions of group " + group_);
    return;
  }
  Drop({held_.begin(), held_.end()});
  static_cast<void>(rd_kafka_assign(handle, nullptr));  // cannot fail: it only gives up
}

void GroupConsumer::Drop(const std::vector<TopicPartition>& partitions) {
  for (const TopicPartition& partition : partitions) {
    held_.erase(partition);
    statistics_.erase(partition);
    fetch_->Remove(partition);
  }
}

void GroupConsumer::WakeFetching() {
  const std::vector<TopicPartition> held(held_.begin(), held_.end());
  const PartitionList list = MakePartitionList(held);
  for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = RD_KAFKA_OFFSET_END;
  // One request to the broker of each partition; the answers do not matter.
  static_cast<void>(rd_kafka_offsets_for_times(client_->handle(), list.get(), kWakeTimeoutMs));
}

void GroupConsumer::TakeMembership() {
  membership_.reset();
  rd_kafka_consumer_group_metadata_t* metadata = rd_kafka_consumer_group_metadata(client_->handle());
  if (metadata == nullptr) return;
  const auto membership = std::make_shared<const GroupMembership>(metadata, held_);
  // The broker accepts (-1, "") without any check.
  const char* member = rd_kafka_consumer_group_metadata_member_id(metadata);
  // Epoch 0 of the consumer protocol: not in the group, or not any more.
  const int first = protocol_ == GroupProtocol::kConsumer ? 1 : 0;
  const bool valid = rd_kafka_consumer_group_metadata_generation_id(metadata) >= first && member != nullptr &&
                     *member != '\0';
  if (valid) membership_ = membership;
}

void GroupConsumer::OnStatistics(std::string_view json) {
  statistics_at_ = clock_.Steady();
  for (PartitionStatistics& one : ReadStatistics(json)) {
    if (held_.contains(one.partition)) statistics_.insert_or_assign(one.partition, one);
  }
}

Status GroupConsumer::ServeEvents(Duration wait) {
  for (int i = 0; i < kMostEventsPerPoll; ++i) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(client_->handle(), static_cast<int>(wait.count()));
    if (message == nullptr) break;
    wait = Duration(0);
    const int code = message->err;
    const std::string reason = rd_kafka_message_errstr(message);
    rd_kafka_message_destroy(message);
    if (code == RD_KAFKA_RESP_ERR__FATAL) return OnFatalError();
    const Status status = ToStatus(code, "group " + group_, reason);
    if (status.code() == StatusCode::kPermissionDenied || status.code() == StatusCode::kNotFound)
      return status;
    // Everything else is got over by librdkafka itself (a rebalance, a broker that is away).
    Log(LogLevel::kWarning, "Kafka consumer", {{"group", group_}, {"reason", reason}});
    client_->RememberError(code, reason);
  }
  MR_RETURN_IF_ERROR(WatchFirstHeartbeat());
  return std::exchange(pending_error_, Status::Ok());
}

Result<std::vector<std::shared_ptr<const RecordBlock>>> GroupConsumer::Poll(const FetchLimits& limits) {
  if (closed_) return Status::Cancelled("group " + group_ + ": the consumer is closed");
  if (limits.max_records <= 0) {
    MR_RETURN_IF_ERROR(ServeEvents(limits.wait));
    return std::vector<std::shared_ptr<const RecordBlock>>();
  }
  MR_RETURN_IF_ERROR(ServeEvents(Duration(0)));
  for (const GonePartition& gone : fetch_->TakeGone()) MR_RETURN_IF_ERROR(GiveUp(gone));
  FetchLimits slice = limits;
  for (Duration left = limits.wait;;) {
    slice.wait = std::min(left, kEventSlice);
    static_cast<void>(fetch_->Collect(slice));
    if (!fetch_->empty() || left <= slice.wait) break;
    left -= std::max(slice.wait, Duration(1));
    MR_RETURN_IF_ERROR(ServeEvents(Duration(0)));
  }
  if (!fetch_->empty() && limits.linger > Duration(0)) MR_RETURN_IF_ERROR(Linger(limits));
  auto blocks = fetch_->Take();
  if (blocks.empty()) MR_RETURN_IF_ERROR(fetch_->TakeError());
  return blocks;
}

Status GroupConsumer::Linger(const FetchLimits& limits) {
  const auto until = clock_.Steady() + limits.linger;
  while (fetch_->HasRoom(limits)) {
    const auto left = std::chrono::ceil<Duration>(until - clock_.Steady());
    if (left <= Duration(0)) break;
    FetchLimits slice = limits;
    slice.wait = std::min(left, kEventSlice);
    static_cast<void>(fetch_->Collect(slice));
    MR_RETURN_IF_ERROR(ServeEvents(Duration(0)));
    // A rebalance may have taken away what was collected.
    if (fetch_->empty()) break;
  }
  return Status::Ok();
}

Status GroupConsumer::CheckHeld(const TopicPartition& partition) const {
  if (held_.contains(partition)) return Status::Ok();
  return Status::Aborted(partition.ToString() + " is not assigned to this member of group " + group_);
}

Status GroupConsumer::Seek(const TopicPartition& partition, Offset offset) {
  const PartitionList list = MakePartitionList(std::span(&partition, 1));
  list->elems[0].offset = offset.value();
  const std::string context =
      "seeking " + partition.ToString() + " to offset " + std::to_string(offset.value());
  MR_RETURN_IF_ERROR(TakeError(
      rd_kafka_seek_partitions(client_->handle(), list.get(), static_cast<int>(kSeekTimeout.count())),
      context));
  return ToStatus(list->elems[0].err, context);
}

Status GroupConsumer::Start(const TopicPartition& partition, Offset offset) {
  MR_RETURN_IF_ERROR(CheckHeld(partition));
  const PartitionList list = MakePartitionList(std::span(&partition, 1));
  MR_RETURN_IF_ERROR(Seek(partition, offset));
  MR_RETURN_IF_ERROR(ToStatus(rd_kafka_resume_partitions(client_->handle(), list.get()),
                              "starting " + partition.ToString()));
  fetch_->Start(partition, offset);
  // librdkafka's fetching thread may sleep up to a second and is not woken by a resume or a seek, only by a
  // request to the same broker. The answer does not matter.
  std::int64_t low = 0;
  std::int64_t high = 0;
  static_cast<void>(rd_kafka_query_watermark_offsets(
      client_->handle(), partition.topic.c_str(), partition.partition.value(), &low, &high, kWakeTimeoutMs));
  return Status::Ok();
}

Status GroupConsumer::Pause(const TopicPartition& partition) {
  MR_RETURN_IF_ERROR(CheckHeld(partition));
  const PartitionList list = MakePartitionList(std::span(&partition, 1));
  return ToStatus(rd_kafka_pause_partitions(client_->handle(), list.get()),
                  "pausing " + partition.ToString());
}

Status GroupConsumer::Resume(const TopicPartition& partition) {
  MR_RETURN_IF_ERROR(CheckHeld(partition));
  const Offset position = fetch_->Position(partition);
  if (position == kNoOffset) return Status::Ok();  // stays held back until Start
  return Start(partition, position);
}

Result<std::vector<GroupOffset>> GroupConsumer::Committed(std::span<const TopicPartition> partitions,
                                                          Duration wait) {
  const std::string context = "reading the committed offsets of group " + group_;
  const PartitionList list = MakePartitionList(partitions);
  const rd_kafka_resp_err_t error =
      rd_kafka_committed(client_->handle(), list.get(), static_cast<int>(wait.count()));
  if (error == RD_KAFKA_RESP_ERR__TIMED_OUT) {
    return client_->Explain(
        Status::Timeout(context + ": no stable offsets within " + FormatDuration(wait) +
                        "; a transaction that holds them has not ended, or the group's coordinator is away"));
  }
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return client_->Explain(ToStatus(error, context));
  std::vector<GroupOffset> offsets;
  offsets.reserve(partitions.size());
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& entry = list->elems[i];
    GroupOffset at{{entry.topic, Partition(entry.partition)}, kNoOffset, {}};
    MR_RETURN_IF_ERROR(ToStatus(entry.err, context + ", " + at.partition.ToString()));
    if (entry.offset >= 0) at.offset = Offset(entry.offset);
    if (entry.metadata != nullptr)
      at.metadata.assign(static_cast<const char*>(entry.metadata), entry.metadata_size);
    offsets.push_back(std::move(at));
  }
  return offsets;
}

Result<std::pair<Offset, Offset>> GroupConsumer::Bounds(const TopicPartition& partition) {
  auto bounds = LogBounds(client_->handle(), partition, kBoundsTimeout);
  if (!bounds.ok()) return client_->Explain(bounds.status());
  return bounds;
}

Result<Offset> GroupConsumer::StableEnd(const TopicPartition& partition) {
  auto end = kafka::StableEnd(client_->handle(), partition, kBoundsTimeout);
  if (!end.ok()) return client_->Explain(end.status());
  return end;
}

ConsumerProgress GroupConsumer::Progress(const TopicPartition& partition) {
  ConsumerProgress progress;
  progress.position = fetch_->Position(partition);
  std::int64_t low = -1;
  std::int64_t high = -1;
  // From the cache that every answered fetch fills.
  const auto error = rd_kafka_get_watermark_offsets(client_->handle(), partition.topic.c_str(),
                                                    partition.partition.value(), &low, &high);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0) progress.high = Offset(high);
  const auto found = statistics_.find(partition);
  if (found != statistics_.end()) {
    const PartitionStatistics& statistics = found->second;
    if (statistics.last_stable >= 0) progress.last_stable = Offset(statistics.last_stable);
    if (statistics.leader_silent != std::chrono::microseconds::max()) {
      const auto age = clock_.Steady() - statistics_at_ + statistics.leader_silent;
      progress.since_last_fetch = std::chrono::duration_cast<Duration>(age);
    }
  }
  // Reaching the end is seen at once, a report comes every half second.
  const Offset end = fetch_->EndSeenAt(partition);
  if (progress.last_stable != kNoOffset || end != kNoOffset) {
    progress.last_stable = std::max({progress.last_stable, end, progress.position});
  }
  if (progress.high != kNoOffset) progress.high = std::max(progress.high, progress.last_stable);
  return progress;
}

Status GroupConsumer::Commit(std::span<const GroupOffset> offsets) {
  if (offsets.empty()) return Status::Ok();
  for (const GroupOffset& at : offsets) MR_RETURN_IF_ERROR(CheckHeld(at.partition));
  const std::string context = "committing offsets of group " + group_;
  if (AssignmentLost()) return Status::Aborted(context + ": the assignment was lost");
  const PartitionList list = MakePartitionList(offsets);
  const rd_kafka_resp_err_t error = rd_kafka_commit(client_->handle(), list.get(), 0);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return client_->Explain(ToStatus(error, context));
  for (int i = 0; i < list->cnt; ++i) {
    MR_RETURN_IF_ERROR(ToStatus(list->elems[i].err, context));
  }
  return Status::Ok();
}

Result<std::shared_ptr<const GroupMembership>> GroupConsumer::Membership() {
  if (protocol_ == GroupProtocol::kConsumer && !held_.empty()) TakeMembership();
  if (membership_ == nullptr || AssignmentLost()) {
    return Status::Aborted("group " + group_ + ": this member holds no valid generation");
  }
  return membership_;
}

bool GroupConsumer::AssignmentLost() { return rd_kafka_assignment_lost(client_->handle()) != 0; }

Status GroupConsumer::Close() {
  if (closed_) return Status::Ok();
  closed_ = true;
  return ToStatus(rd_kafka_consumer_close(client_->handle()), "leaving group " + group_);
}

}  // namespace millrace::kafka
