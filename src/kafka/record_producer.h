#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/duration.h"
#include "base/ids.h"
#include "base/result.h"
#include "columnar/record_block.h"
#include "kafka/client.h"
#include "kafka/offsets.h"

typedef struct rd_kafka_topic_s rd_kafka_topic_t;
typedef struct rd_kafka_error_s rd_kafka_error_t;

namespace millrace::kafka {

class GroupMembership;

/// One record to write. Views must stay valid only during Send.
struct Record {
  std::string_view topic;
  std::optional<Partition> partition;  ///< nullopt: by murmur2 of the key, random when the key is null
  BytesView key;
  BytesView value;
  std::int64_t timestamp_ms = 0;
  std::span<const HeaderView> headers;
};

/// The header that holds an event time which Kafka cannot keep as a timestamp (below 1 ms).
inline constexpr std::string_view kEventTimeHeader = "millrace.event_time";

/// Writes records, in transactions or without. One owner, one thread.
///
/// What the errors of the transactional calls mean (transitions of the caller):
///   kAborted         the transaction is doomed: Abort, then go on
///   kOutcomeUnknown  destroy this producer, make a new one with the same id, Init, read the committed
///   offsets again kFenced          another process has the id: give up
/// Errors of class user (record too large, no permission, timestamp refused) come through unchanged: the same
/// records would fail again.
class RecordProducer final : private ClientHooks {
 public:
  /// `transactional_id` empty: idempotent, without transactions.
  static Result<std::unique_ptr<RecordProducer>> Make(const ClientOptions& options,
                                                      const std::string& transactional_id);
  ~RecordProducer() override;

  Status Init();
  Status Begin();
  /// Copies the record into a queue bounded by queue.buffering.max.kbytes and blocks while that is full.
  Status Send(const Record& record);
  /// Send for many records of one partition, with librdkafka's own time as their timestamp: topic, partition
  /// and clock are looked at once for many of them.
  Status SendAll(std::string_view topic, Partition partition, std::span<const KeyValue> records);
  /// Waits until everything was acknowledged. Errors: the first delivery error since the last Flush or Begin.
  Status Flush();
  Status SendOffsets(std::span<const GroupOffset> offsets, const GroupMembership& membership);
  Status Commit();
  Status Abort();
  /// The offset after the last acknowledged record in `partition`; kNoOffset when there is none. Exact after
  /// Flush or Commit.
  Offset AcknowledgedEnd(const TopicPartition& partition) const;

 private:
  explicit RecordProducer(std::string transactional_id) : transactional_id_(std::move(transactional_id)) {}
  void OnDelivery(const rd_kafka_message_t& message) override;
  void OnDeliveryError(const rd_kafka_message_t& message);
  rd_kafka_topic_t* Topic(std::string_view name);
  Status Enqueue(const Record& record, rd_kafka_topic_t* topic);
  Status EnqueueAll(const TopicPartition& to, rd_kafka_topic_t* topic, std::span<const KeyValue> records);
  Status OnSendError(rd_kafka_error_t* error, const Record& record);
  /// Classifies the error of a transactional call, which it destroys; `retry` is set when the call may be
  /// repeated.
  Status Classify(rd_kafka_error_t* error, std::string_view what, bool* retry);
  Status FencedOrTooSlow(Status fenced) const;
  template <typename Call>
  Status Transact(std::string_view what, Call call);
  bool transactional() const { return !transactional_id_.empty(); }

  const std::string transactional_id_;
  const Clock* clock_ = nullptr;     // constant after Make
  Duration transaction_timeout_{0};  // constant after Make; 0 without transactions
  bool in_transaction_ = false;
  std::chrono::nanoseconds began_at_{0};                          // of the transaction, by the steady clock
  std::map<std::string, rd_kafka_topic_t*, std::less<>> topics_;  // owned handles
  std::string_view last_topic_name_;                              // key of last_topic_ in topics_
  rd_kafka_topic_t* last_topic_ = nullptr;
  Status delivery_error_;
  std::map<TopicPartition, Offset> acknowledged_;  // offset after the last acknowledged record
  // The run of delivery reports of one partition being read: its entry in acknowledged_.
  const rd_kafka_topic_t* run_topic_ = nullptr;
  std::int32_t run_partition_ = -1;
  Offset* run_end_ = nullptr;
  int sends_since_poll_ = 0;

  std::unique_ptr<Client> client_;
};

}  // namespace millrace::kafka
