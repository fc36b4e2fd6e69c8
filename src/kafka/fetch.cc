#include "kafka/fetch.h"

#include <algorithm>
#include <iterator>

#include <librdkafka/rdkafka.h>

#include "base/check.h"
#include "base/log.h"
#include "kafka/error.h"

namespace millrace::kafka {

struct Fetch::PartitionFetch {
  explicit PartitionFetch(const TopicPartition& tp) : partition(tp), builder(tp) {}

  const TopicPartition partition;
  RecordBlockBuilder builder;
  bool started = false;
  // librdkafka's position belongs to the last Start only after something of that Start was seen.
  bool position_known = false;
  Offset position = kNoOffset;
  Offset end_seen_at = kNoOffset;
  UndecodableBatch undecodable;
  std::optional<Offset> seek_to;  // wanted by the search for the end of an undecodable batch
  std::string undecodable_reason;
  std::vector<SkippedRecords> skipped;  // not taken yet
};

namespace {

constexpr int kEndTimeoutMs = 5'000;

Counter* UndecodableCounter(MetricRegistry* metrics) {
  if (metrics == nullptr) return nullptr;
  return &metrics->GetCounter("millrace_kafka_undecodable_batches_total",
                              "Batches of records skipped because they could not be decompressed or parsed");
}

bool CannotBeDecoded(int code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
    case RD_KAFKA_RESP_ERR__UNDERFLOW:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
      return true;
    default:
      return false;
  }
}

bool NeedsThePipelineToStop(int code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return true;
    default:
      return false;
  }
}

BytesView View(const void* data, std::size_t size) {
  return {static_cast<const char*>(data), static_cast<std::int32_t>(size)};
}

// The newest librdkafka whose values are known to be views into the bytes of the fetched batch.
constexpr int kNewestKnownLibrdkafka = 0x020fffff;

/// False only when the record has no headers. Asking librdkafka costs it several allocations even then, a
/// tenth of all that a short record costs. In record batches of format 2, which alone know a leader epoch,
/// the number of headers follows the value in the bytes that the value is a view of. An empty value is a view
/// of nothing.
bool MayHaveHeaders(const rd_kafka_message_t& message) {
  static const bool values_are_views = rd_kafka_version() <= kNewestKnownLibrdkafka;
  if (!values_are_views || message.payload == nullptr || message.len == 0) return true;
  if (rd_kafka_message_leader_epoch(&message) < 0) return true;
  return static_cast<const char*>(message.payload)[message.len] != 0;
}

}  // namespace

Fetch::Fetch(rd_kafka_t* handle, Seek seek, MetricRegistry* metrics)
    : handle_(handle),
      seek_(std::move(seek)),
      undecodable_(UndecodableCounter(metrics)),
      queue_(rd_kafka_queue_new(handle)) {}

Fetch::~Fetch() {
  if (position_list_ != nullptr) rd_kafka_topic_partition_list_destroy(position_list_);
  rd_kafka_queue_destroy(queue_);
}

void Fetch::RebuildPositionList() {
  if (position_list_ != nullptr) rd_kafka_topic_partition_list_destroy(position_list_);
  position_list_ = rd_kafka_topic_partition_list_new(static_cast<int>(partitions_.size()));
  for (const auto& at : partitions_) {
    rd_kafka_topic_partition_list_add(position_list_, at->partition.topic.c_str(),
                                      at->partition.partition.value());
  }
  last_topic_ = nullptr;
  last_found_ = nullptr;
}

void Fetch::Add(const TopicPartition& partition) {
  MR_CHECK(!Has(partition)) << partition;
  partitions_.push_back(std::make_unique<PartitionFetch>(partition));
  RebuildPositionList();
}

void Fetch::DropCollected(PartitionFetch& of) {
  std::erase_if(gone_, [&](const GonePartition& gone) { return gone.partition == of.partition; });
  if (of.builder.num_records() == 0) return;
  records_ -= of.builder.num_records();
  of.builder = RecordBlockBuilder(of.partition);
}

void Fetch::Remove(const TopicPartition& partition) {
  if (PartitionFetch* at = Find(partition); at != nullptr) DropCollected(*at);
  std::erase_if(partitions_, [&](const auto& at) { return at->partition == partition; });
  RebuildPositionList();
}

void Fetch::Clear() {
  partitions_.clear();
  records_ = bytes_ = 0;
  gone_.clear();
  RebuildPositionList();
}

Fetch::PartitionFetch* Fetch::Find(const TopicPartition& partition) const {
  for (const auto& at : partitions_) {
    if (at->partition == partition) return at.get();
  }
  return nullptr;
}

Fetch::PartitionFetch* Fetch::FindFast(const rd_kafka_topic_t* topic, std::int32_t partition) {
  // Records come in long runs of one partition: searched once per run.
  if (topic == last_topic_ && partition == last_partition_) return last_found_;
  const std::string_view name = rd_kafka_topic_name(topic);
  last_topic_ = topic;
  last_partition_ = partition;
  last_found_ = nullptr;
  for (const auto& at : partitions_) {
    if (at->partition.partition.value() == partition && at->partition.topic == name) last_found_ = at.get();
  }
  return last_found_;
}

void Fetch::Start(const TopicPartition& partition, Offset offset) {
  PartitionFetch* at = Find(partition);
  MR_CHECK(at != nullptr) << partition;
  DropCollected(*at);
  at->started = true;
  at->position = offset;
  at->position_known = false;
  at->end_seen_at = kNoOffset;
  at->undecodable.Reset();
  at->seek_to.reset();
  at->skipped.clear();
}

Offset Fetch::Position(const TopicPartition& partition) const {
  const PartitionFetch* at = Find(partition);
  return at == nullptr ? kNoOffset : at->position;
}

Offset Fetch::EndSeenAt(const TopicPartition& partition) const {
  const PartitionFetch* at = Find(partition);
  return at == nullptr ? kNoOffset : at->end_seen_at;
}

void Fetch::OnMessage(rd_kafka_message_t* message, void* opaque) {
  Fetch& fetch = *static_cast<Fetch*>(opaque);
  PartitionFetch* at = message->rkt == nullptr ? nullptr : fetch.FindFast(message->rkt, message->partition);
  if (at == nullptr || !at->started) {
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && NeedsThePipelineToStop(message->err) &&
        fetch.error_.ok()) {
      fetch.error_ =
          ToStatus(message->err, message->rkt == nullptr ? "Kafka" : rd_kafka_topic_name(message->rkt));
    }
    return;
  }
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    fetch.Append(*at, *message);
  } else {
    fetch.OnPartitionError(*at, *message);
  }
}

void Fetch::AppendHeaders(const rd_kafka_message_t& message, RecordBlockBuilder* to) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    to->AppendHeader(name, View(value, size));
  }
}

void Fetch::Append(PartitionFetch& to, const rd_kafka_message_t& message) {
  if (message.offset < to.position.value() || to.seek_to.has_value()) return;
  if (!to.undecodable.quiet()) {
    const auto step = to.undecodable.OnGood(Offset(message.offset));
    if (!step.deliver) return Apply(to, step);
  }
  if (message.offset > to.position.value() && IsGone(to, Offset(message.offset))) return;
  to.position = Offset(message.offset + 1);
  to.position_known = true;
  to.builder.Append(Offset(message.offset), rd_kafka_message_timestamp(&message, nullptr),
                    View(message.key, message.key_len), View(message.payload, message.len));
  if (MayHaveHeaders(message)) AppendHeaders(message, &to.builder);
  ++records_;
  bytes_ += static_cast<std::int64_t>(message.len + message.key_len);
  if (records_ >= limits_.max_records || bytes_ >= limits_.max_bytes) rd_kafka_yield(handle_);
}

bool Fetch::IsGone(PartitionFetch& at, Offset next) {
  // Transactions and compaction leave gaps as well. The begin of the log comes with every answer of a broker.
  std::int64_t low = RD_KAFKA_OFFSET_INVALID;
  std::int64_t high = RD_KAFKA_OFFSET_INVALID;
  const auto known = rd_kafka_get_watermark_offsets(handle_, at.partition.topic.c_str(),
                                                    at.partition.partition.value(), &low, &high);
  if (known != RD_KAFKA_RESP_ERR_NO_ERROR || low <= at.position.value() || low > next.value()) return false;
  at.started = false;
  gone_.push_back(
      {at.partition,
       Status::Aborted(at.partition.ToString() + ": offset " + std::to_string(at.position.value()) +
                       ", which comes next, is not in the log any more, which begins at " +
                       std::to_string(low))});
  return true;
}

void Fetch::OnPartitionError(PartitionFetch& at, const rd_kafka_message_t& message) {
  if (at.seek_to.has_value()) return;
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    const Offset end(message.offset);
    const auto step = at.undecodable.OnGood(end);
    if (!step.deliver) return Apply(at, step);
    at.position = std::max(at.position, end);
    at.position_known = true;
    at.end_seen_at = end;
    return;
  }
  const std::string_view detail = rd_kafka_message_errstr(&message);
  if (CannotBeDecoded(message.err)) {
    if (!at.undecodable.searching()) at.undecodable_reason = detail;
    const auto step = at.undecodable.OnError(Offset(message.offset), message.err);
    if (step.seek.has_value()) Apply(at, step);
    return;
  }
  if (NeedsThePipelineToStop(message.err) && error_.ok()) {
    error_ = ToStatus(message.err, at.partition.ToString(), detail);
    return;
  }
  Log(LogLevel::kWarning, "Kafka partition cannot be read for now; trying again",
      {{"partition", at.partition.ToString()}, {"offset", message.offset}, {"reason", detail}});
}

void Fetch::Apply(PartitionFetch& at, const UndecodableBatch::Step& step) {
  if (step.seek.has_value()) {
    at.seek_to = step.seek;
    searching_ = true;
  }
  if (!step.skipped.has_value()) return;
  // A batch may begin before what was asked for; those records have been delivered.
  const Offset first = std::max(step.skipped->first, at.position);
  const Offset next = step.skipped->second;
  Log(LogLevel::kError, "records that cannot be decoded were passed over",
      {{"partition", at.partition.ToString()},
       {"first_offset", first.value()},
       {"next_offset", next.value()},
       {"reason", at.undecodable_reason}});
  at.skipped.push_back({at.partition, first, next, at.undecodable_reason});
  if (undecodable_ != nullptr) undecodable_->Add(1);
}

void Fetch::FollowSearches() {
  if (!searching_) return;
  searching_ = false;
  for (const auto& at : partitions_) {
    if (!at->seek_to.has_value()) continue;
    if (at->undecodable.searching()) {
      std::int64_t low = 0;
      std::int64_t high = 0;
      const auto asked = rd_kafka_query_watermark_offsets(
          handle_, at->partition.topic.c_str(), at->partition.partition.value(), &low, &high, kEndTimeoutMs);
      if (asked != RD_KAFKA_RESP_ERR_NO_ERROR) {
        searching_ = true;  // again after the next Collect
        continue;
      }
      at->seek_to = at->undecodable.KeepProbeBelow(Offset(high));
    }
    const Offset to = *at->seek_to;
    if (const Status status = seek_(at->partition, to); !status.ok()) {
      searching_ = true;  // again after the next Collect
      continue;
    }
    at->seek_to.reset();
    at->position_known = false;
    if (!at->undecodable.searching()) at->position = std::max(at->position, to);
  }
}

bool Fetch::Collect(const FetchLimits& limits) {
  limits_ = limits;
  const int served =
      rd_kafka_consume_callback_queue(queue_, static_cast<int>(limits.wait.count()), &OnMessage, this);
  FollowSearches();
  if (served > 0) UpdatePositions();
  return served > 0;
}

void Fetch::UpdatePositions() {
  // Markers of transactions advance librdkafka's position without being shown.
  if (partitions_.empty()) return;
  if (rd_kafka_position(handle_, position_list_) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    PartitionFetch& at = *partitions_[i];
    const std::int64_t position = position_list_->elems[i].offset;
    if (at.position_known && !at.undecodable.searching() && position >= 0) {
      at.position = std::max(at.position, Offset(position));
    }
  }
}

std::vector<std::shared_ptr<const RecordBlock>> Fetch::Take() {
  std::vector<std::shared_ptr<const RecordBlock>> blocks;
  for (const auto& at : partitions_) {
    if (at->builder.num_records() > 0) blocks.push_back(at->builder.Finish(at->position));
  }
  records_ = 0;
  bytes_ = 0;
  return blocks;
}

std::vector<SkippedRecords> Fetch::TakeSkipped() {
  std::vector<SkippedRecords> skipped;
  for (const auto& at : partitions_) {
    std::move(at->skipped.begin(), at->skipped.end(), std::back_inserter(skipped));
    at->skipped.clear();
  }
  return skipped;
}

Status Fetch::TakeError() { return std::exchange(error_, Status::Ok()); }

std::vector<GonePartition> Fetch::TakeGone() { return std::exchange(gone_, {}); }

}  // namespace millrace::kafka
