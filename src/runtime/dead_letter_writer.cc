#include "runtime/dead_letter_writer.h"

#include <string_view>

namespace millrace {
namespace {

/// "bids[3] offset 17" or "a row without a record".
std::string Where(const RecordBlock* block, std::int64_t record) {
  if (block == nullptr) return "a row computed from state";
  return block->partition().ToString() + " offset " +
         std::to_string(block->offsets()[static_cast<std::size_t>(record)]);
}

}  // namespace

DeadLetterWriter::DeadLetterWriter(std::string topic, const Clock& clock, MetricRegistry& metrics)
    : topic_(std::move(topic)), clock_(clock), metrics_(metrics) {}

Status DeadLetterWriter::Handle(ErrorPolicy policy, const std::string& stage, const RecordBlock* block,
                                std::span<const std::int64_t> records, std::span<const RowError> errors) {
  for (std::size_t i = 0; i < errors.size(); ++i) {
    const RowError& error = errors[i];
    if (policy == ErrorPolicy::kFail) {
      return Status::InvalidArgument(
          Where(block, records[i]) + ": step " + stage + ": " + error.message +
          "; set dead_letter: {topic: ...} to keep such records aside, or on_error: drop");
    }
    metrics_
        .GetCounter("millrace_errors_total", "Rows that failed, by step and class.",
                    {{"step", stage}, {"class", error.error_class}})
        .Add(1);
    if (policy == ErrorPolicy::kDeadLetter) MR_RETURN_IF_ERROR(Write(stage, block, records[i], error));
  }
  return Status::Ok();
}

Status DeadLetterWriter::Write(const std::string& stage, const RecordBlock* block, std::int64_t record,
                               const RowError& error) {
  MR_CHECK(producer_ != nullptr && !topic_.empty());
  std::vector<HeaderView> headers;
  std::string partition;
  std::string offset;
  OutgoingRecord out;
  out.topic = topic_;
  out.timestamp_ms = clock_.Now().value();
  if (block != nullptr) {
    const auto at = static_cast<std::size_t>(record);
    out.key = block->keys()[at];
    out.value = block->values()[at];
    if (block->timestamps_ms()[at] >= 0) out.timestamp_ms = block->timestamps_ms()[at];
    for (const HeaderView& header : block->headers(record)) headers.push_back(header);
    partition = std::to_string(block->partition().partition.value());
    offset = std::to_string(block->offsets()[at]);
    headers.push_back({"__connect.errors.topic", BytesView::Of(block->partition().topic)});
    headers.push_back({"__connect.errors.partition", BytesView::Of(partition)});
    headers.push_back({"__connect.errors.offset", BytesView::Of(offset)});
  }
  headers.push_back({"__connect.errors.stage", BytesView::Of(stage)});
  headers.push_back({"__connect.errors.class.name", BytesView::Of(error.error_class)});
  headers.push_back({"__connect.errors.exception.message", BytesView::Of(error.message)});
  out.headers = headers;
  return producer_->Send(out).WithContext("writing to the dead-letter topic '" + topic_ + "'");
}

}  // namespace millrace
