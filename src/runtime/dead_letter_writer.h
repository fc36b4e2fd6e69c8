#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "columnar/batch.h"
#include "connect/group_member.h"
#include "connect/producer.h"
#include "runtime/topology.h"

namespace millrace {

/// Carries out what is to be done with rows that fail (R3): a dead letter in the current transaction, a
/// counted drop, or the error that stops the task. Rows that were set aside or dropped are also a warning, at
/// most one per step every ten seconds, with the first of them. One owner, one thread.
class DeadLetterWriter {
 public:
  /// `topic` "" when there is none: then no policy may be kDeadLetter. `producer` and `metrics` outlive the
  /// writer.
  DeadLetterWriter(std::string topic, const Clock& clock, MetricRegistry& metrics);

  /// The worker's producer changes when it is recreated.
  void set_producer(Producer* producer) { producer_ = producer; }

  /// `records[i]` is the index in `block` of the record behind errors[i]; block may be null (rows that came
  /// from state), then `keys` may give the row's key. Errors: user error naming topic, partition, offset and
  /// reason under kFail.
  Status Handle(ErrorPolicy policy, const std::string& stage, const RecordBlock* block,
                std::span<const std::int64_t> records, std::span<const RowError> errors);

  /// Records of a source that cannot even be read: one dead letter for all of them, without key and value.
  Status HandleUndecodable(ErrorPolicy policy, const UndecodableRecords& records);

 private:
  void Count(const std::string& step, const std::string& error_class);
  void Warn(ErrorPolicy policy, const std::string& stage, const std::string& where, const RowError& first,
            std::size_t rows);
  Status Write(const std::string& stage, const RecordBlock* block, std::int64_t record,
               const RowError& error);
  /// `record` to the dead-letter topic.
  Status Send(OutgoingRecord record, std::span<const HeaderView> headers);
  /// Of a record that is too large: the beginnings of key, value and message, `most` bytes of each, and how
  /// long the value was.
  Status SendShortened(OutgoingRecord record, std::span<const HeaderView> headers, std::int32_t most);

  const std::string topic_;
  const Clock& clock_;
  MetricRegistry& metrics_;
  Producer* producer_ = nullptr;
  struct Warned {
    std::optional<std::int64_t> at_ms;
    std::size_t rows_since = 0;
  };
  std::map<std::string, Warned> warned_;  // by step
};

}  // namespace millrace
