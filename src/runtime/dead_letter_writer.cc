#include "runtime/dead_letter_writer.h"

#include <algorithm>
#include <string_view>

#include "base/log.h"
#include "runtime/logged_reason.h"

namespace millrace {
namespace {

constexpr std::int64_t kWarningEveryMs = 10'000;
// Of a dead letter that is too large for its topic. Where that takes no such one either, a quarter of them,
// and so on, down to the last.
constexpr std::int32_t kMostOfKey = 4 << 10;
constexpr std::int32_t kMostOfValue = 64 << 10;
constexpr std::int32_t kMostOfReason = 4 << 10;
constexpr std::int32_t kLeastOfAny = 64;
constexpr std::size_t kOwnHeaders = 6;  // the last ones
constexpr std::string_view kErrorHeaders = "__connect.errors.";
constexpr std::string_view kMessageHeader = "__connect.errors.exception.message";
constexpr std::string_view kFetchStage = "fetch";
constexpr std::string_view kUndecodableClass = "undecodable";

/// "bids[3] offset 17" or "a row computed from state".
std::string Where(const RecordBlock* block, std::int64_t record) {
  if (block == nullptr) return "a row computed from state";
  return block->partition().ToString() + " offset " +
         std::to_string(block->offsets()[static_cast<std::size_t>(record)]);
}

/// Headers of one dead letter: those of its record, and those that say what is wrong with it (R3). Text given
/// must outlive it; not to be copied or moved, for the views of its own.
class DeadLetterHeaders {
 public:
  DeadLetterHeaders() = default;
  DeadLetterHeaders(const DeadLetterHeaders&) = delete;
  DeadLetterHeaders& operator=(const DeadLetterHeaders&) = delete;

  void Add(const HeaderView& header) { views_.push_back(header); }
  /// At most once.
  void AddPlace(const TopicPartition& partition, Offset offset) {
    partition_ = std::to_string(partition.partition.value());
    offset_ = std::to_string(offset.value());
    Add({"__connect.errors.topic", BytesView::Of(partition.topic)});
    Add({"__connect.errors.partition", BytesView::Of(partition_)});
    Add({"__connect.errors.offset", BytesView::Of(offset_)});
  }
  /// Behind the place.
  void AddReason(std::string_view stage, std::string_view error_class, std::string_view message) {
    Add({"__connect.errors.stage", BytesView::Of(stage)});
    Add({"__connect.errors.class.name", BytesView::Of(error_class)});
    Add({kMessageHeader, BytesView::Of(message)});
  }
  std::span<const HeaderView> views() const { return views_; }

 private:
  std::vector<HeaderView> views_;
  std::string partition_;
  std::string offset_;
};

}  // namespace

DeadLetterWriter::DeadLetterWriter(std::string topic, const Clock& clock, MetricRegistry& metrics)
    : topic_(std::move(topic)), clock_(clock), metrics_(metrics) {}

Status DeadLetterWriter::Handle(ErrorPolicy policy, const std::string& stage, const RecordBlock* block,
                                std::span<const std::int64_t> records, std::span<const RowError> errors) {
  for (std::size_t i = 0; i < errors.size(); ++i) {
    const RowError& error = errors[i];
    if (policy == ErrorPolicy::kFail) {
      return Status::InvalidArgument(
          Where(block, records[i]) + ": step " + stage + ": " + LoggedReason(error.message) +
          "; set dead_letter: {topic: ...} to keep such records aside, or on_error: drop");
    }
    Count(stage, error.error_class);
    if (policy == ErrorPolicy::kDeadLetter) MR_RETURN_IF_ERROR(Write(stage, block, records[i], error));
  }
  if (!errors.empty()) Warn(policy, stage, Where(block, records[0]), errors[0], errors.size());
  return Status::Ok();
}

void DeadLetterWriter::Warn(ErrorPolicy policy, const std::string& stage, const std::string& where,
                            const RowError& first, std::size_t rows) {
  Warned& warned = warned_[stage];
  warned.rows_since += rows;
  const std::int64_t now = clock_.Now().value();
  if (warned.at_ms.has_value() && now - *warned.at_ms < kWarningEveryMs) return;
  const bool kept = policy == ErrorPolicy::kDeadLetter;
  Log(LogLevel::kWarning,
      kept ? "rows that failed are in the dead-letter topic" : "rows that failed were dropped",
      {{"rows", warned.rows_since},
       {"step", stage},
       {"first", where},
       {"class", first.error_class},
       {"reason", LoggedReason(first.message)},
       {"topic", kept ? topic_ : "none"}});
  warned = {.at_ms = now};
}

void DeadLetterWriter::Count(const std::string& step, const std::string& error_class) {
  metrics_
      .GetCounter("millrace_errors_total", "Rows that failed, by step and class.",
                  {{"step", step}, {"class", error_class}})
      .Add(1);
}

Status DeadLetterWriter::HandleUndecodable(ErrorPolicy policy, const UndecodableRecords& records) {
  const std::string what = "undecodable batch: offsets " + std::to_string(records.first.value()) + " to " +
                           std::to_string(records.next.value() - 1) + ": " + records.message;
  if (policy == ErrorPolicy::kFail) {
    return Status::InvalidArgument(records.partition.ToString() + " offset " +
                                   std::to_string(records.first.value()) + ": " + what +
                                   "; set dead_letter: {topic: ...} to note such records, or on_error: drop "
                                   "to pass over them");
  }
  Count(std::string(kFetchStage), std::string(kUndecodableClass));
  if (policy == ErrorPolicy::kDrop) return Status::Ok();
  DeadLetterHeaders headers;
  headers.AddPlace(records.partition, records.first);
  headers.AddReason(kFetchStage, kUndecodableClass, what);
  OutgoingRecord out;
  out.timestamp_ms = clock_.Now().value();
  return Send(out, headers.views());
}

Status DeadLetterWriter::Write(const std::string& stage, const RecordBlock* block, std::int64_t record,
                               const RowError& error) {
  DeadLetterHeaders headers;
  OutgoingRecord out;
  out.timestamp_ms = clock_.Now().value();
  if (block != nullptr) {
    const auto at = static_cast<std::size_t>(record);
    out.key = block->keys()[at];
    out.value = block->values()[at];
    if (block->timestamps_ms()[at] >= 0) out.timestamp_ms = block->timestamps_ms()[at];
    for (const HeaderView& header : block->headers(record)) headers.Add(header);
    headers.AddPlace(block->partition(), Offset(block->offsets()[at]));
  }
  headers.AddReason(stage, error.error_class, error.message);
  return Send(out, headers.views());
}

Status DeadLetterWriter::Send(OutgoingRecord record, std::span<const HeaderView> headers) {
  MR_CHECK(producer_ != nullptr && !topic_.empty());
  record.topic = topic_;
  record.headers = headers;
  Status sent = producer_->Send(record);
  for (std::int32_t most = kMostOfValue; sent.code() == StatusCode::kInvalidArgument && most >= kLeastOfAny;
       most /= 4)
    sent = SendShortened(record, headers, most);
  return sent.WithContext("writing to the dead-letter topic '" + topic_ + "'");
}

Status DeadLetterWriter::SendShortened(OutgoingRecord record, std::span<const HeaderView> headers,
                                       std::int32_t most) {
  const std::string bytes = std::to_string(record.value.size);
  std::vector<HeaderView> kept;
  for (HeaderView header : headers.last(std::min(headers.size(), kOwnHeaders))) {
    if (!header.name.starts_with(kErrorHeaders)) continue;
    // The others say where it was, and are short.
    const std::int32_t most_here =
        header.name == kMessageHeader ? std::min(most, kMostOfReason) : kMostOfReason;
    header.value.size = std::min(header.value.size, most_here);
    kept.push_back(header);
  }
  kept.push_back({"__connect.errors.value.bytes", BytesView::Of(bytes)});
  record.headers = kept;
  record.key.size = std::min({record.key.size, kMostOfKey, most});
  record.value.size = std::min(record.value.size, most);
  return producer_->Send(record);
}

}  // namespace millrace
