#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
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

/// Bytes of a batch that topics take, by topic.
using TopicLimits = std::map<std::string, std::int64_t, std::less<>>;
inline constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

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
  /// `transactional_id` empty: idempotent, without transactions. `limits`: a broker refuses a batch as a
  /// whole, which dooms the transaction, so a record that its topic does not take is refused by Send, and no
  /// batch of several records is larger than the narrowest topic takes. Both count before compression.
  static Result<std::unique_ptr<RecordProducer>> Make(const ClientOptions& options,
                                                      const std::string& transactional_id,
                                                      TopicLimits limits = {});
  ~RecordProducer() override;

  Status Init();
  Status Begin();
  /// Copies the record into a queue bounded by queue.buffering.max.kbytes and blocks while that is full.
  /// Errors: user error for a record that is larger than the client or its topic allows.
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
  struct Destination {
    rd_kafka_topic_t* handle = nullptr;  // owned; null: not a valid name
    std::int64_t most_bytes = kNoLimit;  // of a batch
  };

  RecordProducer(std::string transactional_id, TopicLimits limits)
      : transactional_id_(std::move(transactional_id)), limits_(std::move(limits)) {}
  void OnDelivery(const rd_kafka_message_t& message) override;
  void OnDeliveryError(const rd_kafka_message_t& message);
  const Destination& To(std::string_view topic);
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
  const TopicLimits limits_;
  const Clock* clock_ = nullptr;     // constant after Make
  Duration transaction_timeout_{0};  // constant after Make; 0 without transactions
  bool in_transaction_ = false;
  std::chrono::nanoseconds began_at_{0};  // of the transaction, by the steady clock
  std::map<std::string, Destination, std::less<>> topics_;
  std::string_view last_topic_name_;         // key of last_topic_ in topics_
  const Destination* last_topic_ = nullptr;  // in topics_
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
