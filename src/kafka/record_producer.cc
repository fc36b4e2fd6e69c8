#include "kafka/record_producer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <librdkafka/rdkafka.h>

#include "base/check.h"
#include "base/log.h"
#include "kafka/error.h"
#include "kafka/group_consumer.h"

namespace millrace::kafka {
namespace {

// Bounds of one attempt of a transactional call and of the whole. What is not known then, Init of the next
// producer decides.
constexpr int kAttemptMs = 5'000;
constexpr int kMostAttempts = 4;
constexpr int kInitAttemptMs = 30'000;
constexpr int kRetryPauseMs = 50;
constexpr int kQueueFullPauseMs = 20;
constexpr int kFlushSliceMs = 1'000;
constexpr int kSendsPerPoll = 1'024;
constexpr std::size_t kMostTogether = 128;

// At most, beside keys, values, and names and values of headers. A record is preceded by its length, its
// differences from the first one of the batch, and the lengths of what it has.
constexpr std::int64_t kBatchBytes = 61;
constexpr std::int64_t kRecordBytes = 36;
constexpr std::int64_t kRecordHeaderBytes = 10;
constexpr std::size_t kEventTimeDigits = 24;
constexpr std::int64_t kAnyTime = 1;  // that Kafka can keep

void* Mutable(const char* data) {
  return const_cast<char*>(data);
}  // librdkafka copies, its C types are not const

std::string Where(const Record& record) {
  std::string where = "writing to " + std::string(record.topic);
  if (record.partition) where += "[" + std::to_string(record.partition->value()) + "]";
  return where;
}

Status NotATopic(std::string_view name) {
  return Status::NotFound("writing to `" + std::string(name) + "`: not a valid topic name");
}

/// Of a batch that has only this record, uncompressed.
std::int64_t BatchBytes(const Record& record) {
  std::int64_t bytes = kBatchBytes + kRecordBytes + record.key.size + record.value.size;
  for (const HeaderView& header : record.headers)
    bytes += kRecordHeaderBytes + static_cast<std::int64_t>(header.name.size()) + header.value.size;
  if (record.timestamp_ms < 1)
    bytes += kRecordHeaderBytes + static_cast<std::int64_t>(kEventTimeHeader.size() + kEventTimeDigits);
  return bytes;
}

std::int64_t Narrowest(const TopicLimits& limits) {
  std::int64_t most = kNoLimit;
  for (const auto& [topic, bytes] : limits) most = std::min(most, bytes);
  return most;
}

Status TooLarge(const Record& record, std::int64_t most_bytes, const Client& client) {
  return Status::InvalidArgument(
      Where(record) + ": the record has " + std::to_string(BatchBytes(record)) +
      " bytes with the batch around it, more than max.message.bytes of the topic (" +
      std::to_string(most_bytes) + ") allows; raise that, and message.max.bytes under kafka: (" +
      client.Property("message.max.bytes").value_or("") + ") where it is less");
}

}  // namespace

Result<std::unique_ptr<RecordProducer>> RecordProducer::Make(const ClientOptions& options,
                                                             const std::string& transactional_id,
                                                             TopicLimits limits) {
  std::unique_ptr<RecordProducer> producer(new RecordProducer(transactional_id, std::move(limits)));
  const Role role = transactional_id.empty() ? Role::kIdempotentProducer : Role::kTransactionalProducer;
  Properties fixed;
  if (!transactional_id.empty()) fixed.emplace("transactional.id", transactional_id);
  if (const std::int64_t most = Narrowest(producer->limits_); most < kNoLimit)
    MR_RETURN_IF_ERROR(LimitBatches(role, options.properties, most, &fixed));
  MR_ASSIGN_OR_RETURN(producer->client_, Client::Make(role, options, fixed, producer.get()));
  producer->clock_ = options.clock;
  if (const auto timeout = producer->client_->Property("transaction.timeout.ms")) {
    producer->transaction_timeout_ = Duration(std::stoll(*timeout));
  }
  return producer;
}

RecordProducer::~RecordProducer() {
  for (const auto& [name, to] : topics_) {
    if (to.handle != nullptr) rd_kafka_topic_destroy(to.handle);
  }
}

void RecordProducer::OnDelivery(const rd_kafka_message_t& message) {
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    OnDeliveryError(message);
    return;
  }
  if (message.rkt != run_topic_ || message.partition != run_partition_) {
    run_topic_ = message.rkt;
    run_partition_ = message.partition;
    run_end_ = &acknowledged_[{rd_kafka_topic_name(message.rkt), Partition(message.partition)}];
  }
  *run_end_ = std::max(*run_end_, Offset(message.offset + 1));
}

void RecordProducer::OnDeliveryError(const rd_kafka_message_t& message) {
  // An abort purges what was not sent yet; that is no failure.
  if (message.err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || message.err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
    return;
  if (!delivery_error_.ok()) return;
  const std::string where =
      "writing to " +
      TopicPartition{rd_kafka_topic_name(message.rkt), Partition(message.partition)}.ToString();
  Status status = client_->Explain(ToStatus(message.err, where));
  if (status.code() == StatusCode::kFenced) {
    delivery_error_ = FencedOrTooSlow(std::move(status));
    return;
  }
  // In a transaction every failure dooms it. The class tells whether the same records would fail again.
  const ErrorClass error_class =
      status.error_class() == ErrorClass::kUser ? ErrorClass::kUser : ErrorClass::kRetryable;
  delivery_error_ =
      transactional() ? Status(StatusCode::kAborted, error_class, status.message()) : std::move(status);
}

Offset RecordProducer::AcknowledgedEnd(const TopicPartition& partition) const {
  const auto found = acknowledged_.find(partition);
  return found == acknowledged_.end() ? kNoOffset : found->second;
}

const RecordProducer::Destination& RecordProducer::To(std::string_view topic) {
  if (last_topic_ != nullptr && topic == last_topic_name_) return *last_topic_;
  auto found = topics_.find(topic);
  if (found == topics_.end()) {
    Destination to;
    to.handle = rd_kafka_topic_new(client_->handle(), std::string(topic).c_str(), nullptr);
    if (const auto limit = limits_.find(topic); limit != limits_.end()) to.most_bytes = limit->second;
    found = topics_.emplace(std::string(topic), to).first;
  }
  last_topic_name_ = found->first;
  last_topic_ = &found->second;
  return *last_topic_;
}

Status RecordProducer::Enqueue(const Record& record, rd_kafka_topic_t* topic) {
  std::array<rd_kafka_vu_t, 7> fields;  // NOLINT: each field used is set below
  std::size_t count = 0;
  fields[count].vtype = RD_KAFKA_VTYPE_RKT;
  fields[count++].u.rkt = topic;
  fields[count].vtype = RD_KAFKA_VTYPE_PARTITION;
  fields[count++].u.i32 = record.partition ? record.partition->value() : RD_KAFKA_PARTITION_UA;
  fields[count].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  fields[count++].u.i = RD_KAFKA_MSG_F_COPY;
  fields[count].vtype = RD_KAFKA_VTYPE_KEY;
  fields[count++].u.mem = {Mutable(record.key.data), static_cast<std::size_t>(record.key.size)};
  fields[count].vtype = RD_KAFKA_VTYPE_VALUE;
  fields[count++].u.mem = {Mutable(record.value.data), static_cast<std::size_t>(record.value.size)};
  fields[count].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
  fields[count++].u.i64 = std::max<std::int64_t>(record.timestamp_ms, 1);

  rd_kafka_headers_t* headers = nullptr;
  if (!record.headers.empty() || record.timestamp_ms < 1) {
    headers = rd_kafka_headers_new(record.headers.size() + 1);
    for (const HeaderView& header : record.headers) {
      rd_kafka_header_add(headers, header.name.data(), static_cast<ssize_t>(header.name.size()),
                          header.value.data, header.value.size);
    }
    if (record.timestamp_ms < 1) {
      std::array<char, kEventTimeDigits> text{};
      const auto end = std::to_chars(text.data(), text.data() + text.size(), record.timestamp_ms).ptr;
      rd_kafka_header_add(headers, kEventTimeHeader.data(), static_cast<ssize_t>(kEventTimeHeader.size()),
                          text.data(), end - text.data());
    }
    fields[count].vtype = RD_KAFKA_VTYPE_HEADERS;
    fields[count++].u.headers = headers;
  }

  rd_kafka_error_t* error = nullptr;
  while ((error = rd_kafka_produceva(client_->handle(), fields.data(), count)) != nullptr &&
         rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__QUEUE_FULL &&
         (!transactional() || delivery_error_.ok())) {
    // Ends: a record that cannot be delivered leaves the queue after its timeout, as an error.
    rd_kafka_error_destroy(error);
    rd_kafka_poll(client_->handle(), kQueueFullPauseMs);
  }
  if (error == nullptr) return Status::Ok();
  if (headers != nullptr) rd_kafka_headers_destroy(headers);  // taken over only on success
  return OnSendError(error, record);
}

Status RecordProducer::OnSendError(rd_kafka_error_t* error, const Record& record) {
  const int code = rd_kafka_error_code(error);
  const std::string where = Where(record);
  Status status = kafka::TakeError(error, where);
  if (Status fatal = FatalError(client_->handle(), where); !fatal.ok()) return fatal;
  if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
    return Status::InvalidArgument(
        where + ": the record has " + std::to_string(record.key.size + record.value.size) +
        " bytes, more than message.max.bytes (" + client_->Property("message.max.bytes").value_or("") +
        ") allows; raise that under kafka:, and max.message.bytes of the topic");
  }
  if (code == RD_KAFKA_RESP_ERR__STATE || code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
    return delivery_error_.ok() ? Status::Aborted(status.message()) : delivery_error_;
  }
  return status;
}

Status RecordProducer::Send(const Record& record) {
  if (++sends_since_poll_ >= kSendsPerPoll) {
    sends_since_poll_ = 0;
    rd_kafka_poll(client_->handle(), 0);
  }
  if (transactional() && !delivery_error_.ok()) return delivery_error_;
  const Destination& to = To(record.topic);
  if (to.handle == nullptr) return NotATopic(record.topic);
  if (BatchBytes(record) > to.most_bytes) return TooLarge(record, to.most_bytes, *client_);
  return Enqueue(record, to.handle);
}

Status RecordProducer::SendAll(std::string_view topic, Partition partition,
                               std::span<const KeyValue> records) {
  const Destination& destination = To(topic);
  if (destination.handle == nullptr) return NotATopic(topic);
  const TopicPartition to{std::string(topic), partition};
  while (!records.empty()) {
    const std::span<const KeyValue> now = records.first(std::min(records.size(), kMostTogether));
    records = records.subspan(now.size());
    sends_since_poll_ += static_cast<int>(now.size());
    if (sends_since_poll_ >= kSendsPerPoll) {
      sends_since_poll_ = 0;
      rd_kafka_poll(client_->handle(), 0);
    }
    if (transactional() && !delivery_error_.ok()) return delivery_error_;
    for (const auto& [key, value] : now) {
      const Record record{topic, partition, key, value, kAnyTime, {}};
      if (BatchBytes(record) > destination.most_bytes)
        return TooLarge(record, destination.most_bytes, *client_);
    }
    MR_RETURN_IF_ERROR(EnqueueAll(to, destination.handle, now));
  }
  return Status::Ok();
}

// Precondition: at most kMostTogether records.
Status RecordProducer::EnqueueAll(const TopicPartition& to, rd_kafka_topic_t* topic,
                                  std::span<const KeyValue> records) {
  std::array<rd_kafka_message_t, kMostTogether> messages{};
  for (std::size_t i = 0; i < records.size(); ++i) {
    messages[i].key = Mutable(records[i].key.data);
    messages[i].key_len = static_cast<std::size_t>(records[i].key.size);
    messages[i].payload = Mutable(records[i].value.data);
    messages[i].len = static_cast<std::size_t>(records[i].value.size);
  }
  for (std::size_t done = 0; done < records.size();) {
    const std::span<rd_kafka_message_t> rest = std::span(messages).first(records.size()).subspan(done);
    rd_kafka_produce_batch(topic, to.partition.value(), RD_KAFKA_MSG_F_COPY, rest.data(),
                           static_cast<int>(rest.size()));
    const auto failed = std::ranges::find_if(
        rest, [](const rd_kafka_message_t& message) { return message.err != RD_KAFKA_RESP_ERR_NO_ERROR; });
    done += static_cast<std::size_t>(failed - rest.begin());
    if (failed == rest.end()) break;
    // Nothing behind the first one that found no room was taken. Ends as in Enqueue.
    if (failed->err == RD_KAFKA_RESP_ERR__QUEUE_FULL && (!transactional() || delivery_error_.ok())) {
      rd_kafka_poll(client_->handle(), kQueueFullPauseMs);
      continue;
    }
    rd_kafka_error_t* const error = rd_kafka_error_new(failed->err, "%s", rd_kafka_err2str(failed->err));
    return OnSendError(error, {.topic = to.topic,
                               .partition = to.partition,
                               .key = records[done].key,
                               .value = records[done].value,
                               .headers = {}});
  }
  return Status::Ok();
}

Status RecordProducer::Flush() {
  // Bounded by message.timeout.ms: what cannot be delivered turns into a delivery error and leaves the queue.
  while (rd_kafka_flush(client_->handle(), kFlushSliceMs) == RD_KAFKA_RESP_ERR__TIMED_OUT) {
    if (transactional() && !delivery_error_.ok()) return delivery_error_;
  }
  if (transactional()) return delivery_error_;
  Status status = std::exchange(delivery_error_, Status::Ok());
  if (Status fatal = FatalError(client_->handle(), "writing"); !fatal.ok()) return fatal;
  return status;
}

Status RecordProducer::FencedOrTooSlow(Status fenced) const {
  // The broker fences a producer in the same way when it gives up its transaction after the timeout. Then
  // nobody else has the id and a new producer can go on.
  const auto lasted = std::chrono::duration_cast<Duration>(clock_->Steady() - began_at_);
  if (!in_transaction_ || lasted < transaction_timeout_) return fenced;
  return Status::OutcomeUnknown(fenced.message() + "; the transaction had lasted " + FormatDuration(lasted) +
                                ", longer than transaction.timeout.ms allows");
}

Status RecordProducer::Classify(rd_kafka_error_t* error, std::string_view what, bool* retry) {
  *retry = false;
  const std::string context = std::string(what) + " of transaction " + transactional_id_;
  const int code = rd_kafka_error_code(error);
  const bool fatal = rd_kafka_error_is_fatal(error) != 0;
  const bool doomed = rd_kafka_error_txn_requires_abort(error) != 0;
  const bool again = rd_kafka_error_is_retriable(error) != 0;
  Status status = client_->Explain(kafka::TakeError(error, context));
  if (fatal) {
    Status cause = FatalError(client_->handle(), context);
    if (cause.ok()) cause = std::move(status);
    if (cause.code() == StatusCode::kFenced) return FencedOrTooSlow(std::move(cause));
    if (cause.code() == StatusCode::kPermissionDenied) return cause;
    return Status::OutcomeUnknown(cause.message());
  }
  // An aborted transaction would be tried again for ever.
  if (doomed && status.code() == StatusCode::kPermissionDenied) return status;
  if (!delivery_error_.ok() && doomed) return delivery_error_;
  if (doomed) return Status::Aborted(status.message());
  *retry = again;
  if (status.code() == StatusCode::kPermissionDenied || status.code() == StatusCode::kFenced) return status;
  // Not to know is only possible once the coordinator was asked something.
  if (IsConnectionLoss(code) && client_->transaction_requests().sent > 0)
    return Status::OutcomeUnknown(status.message());
  return status;
}

template <typename Call>
Status RecordProducer::Transact(std::string_view what, Call call) {
  client_->transaction_requests().Reset();
  Status status;
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    if (attempt > 0) rd_kafka_poll(client_->handle(), kRetryPauseMs);
    rd_kafka_error_t* error = call();
    bool retry = false;
    status = error == nullptr ? Status::Ok() : Classify(error, what, &retry);
    if (!retry || status.code() == StatusCode::kOutcomeUnknown) break;
  }
  // librdkafka repeats a request whose answer was lost. The first one may still be on its way to the
  // coordinator and would then end a later transaction of this producer, so this producer must not have a
  // later one.
  if (status.ok() && client_->transaction_requests().lost > 0) {
    return Status::OutcomeUnknown(std::string(what) + " of transaction " + transactional_id_ +
                                  ": the connection was lost while the coordinator was asked");
  }
  return status;
}

Status RecordProducer::Init() {
  if (!transactional()) return Status::Ok();
  Status status =
      Transact("init", [&] { return rd_kafka_init_transactions(client_->handle(), kInitAttemptMs); });
  // Nothing was written yet, so nothing is unknown: the call can simply be made again.
  if (status.code() == StatusCode::kOutcomeUnknown || status.code() == StatusCode::kTimeout) {
    return Status::Unavailable(status.message());
  }
  return status;
}

Status RecordProducer::Begin() {
  if (!transactional()) return Status::Ok();
  delivery_error_ = Status::Ok();
  began_at_ = clock_->Steady();
  Status status = Transact("begin", [&] { return rd_kafka_begin_transaction(client_->handle()); });
  in_transaction_ = status.ok();
  return status;
}

Status RecordProducer::SendOffsets(std::span<const GroupOffset> offsets, const GroupMembership& membership) {
  MR_CHECK(transactional()) << "SendOffsets without transactions";
  if (offsets.empty()) return Status::Ok();
  for (const GroupOffset& at : offsets) {
    if (membership.Holds(at.partition)) continue;
    return Status::Aborted("offset of " + at.partition.ToString() +
                           " is not ours to commit: the partition has moved");
  }
  const PartitionList list = MakePartitionList(offsets);
  Status status = Transact("sending the offsets", [&] {
    return rd_kafka_send_offsets_to_transaction(client_->handle(), list.get(), membership.metadata(),
                                                kAttemptMs);
  });
  // Retries used up without an answer either way.
  if (status.code() == StatusCode::kTimeout || status.code() == StatusCode::kUnavailable) {
    return Status::OutcomeUnknown(status.message());
  }
  return status;
}

Status RecordProducer::Commit() {
  MR_CHECK(transactional()) << "Commit without transactions";
  MR_RETURN_IF_ERROR(Flush());
  Status status =
      Transact("commit", [&] { return rd_kafka_commit_transaction(client_->handle(), kAttemptMs); });
  if (status.ok()) in_transaction_ = false;
  if (status.code() != StatusCode::kTimeout && status.code() != StatusCode::kUnavailable) return status;
  // The coordinator was never asked to end the transaction: it is certainly not committed.
  if (client_->transaction_requests().end_sent == 0) return Status::Aborted(status.message());
  return Status::OutcomeUnknown(status.message());
}

Status RecordProducer::Abort() {
  MR_CHECK(transactional()) << "Abort without transactions";
  Status status =
      Transact("abort", [&] { return rd_kafka_abort_transaction(client_->handle(), kAttemptMs); });
  delivery_error_ = Status::Ok();
  if (status.ok()) in_transaction_ = false;
  if (status.ok() || status.code() == StatusCode::kFenced || status.code() == StatusCode::kPermissionDenied)
    return status;
  return Status::OutcomeUnknown(status.message());
}

}  // namespace millrace::kafka
