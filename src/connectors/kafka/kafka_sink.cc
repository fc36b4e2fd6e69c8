#include "connectors/kafka/kafka_sink.h"

#include <utility>

#include <arrow/api.h>

#include "base/check.h"
#include "base/suggest.h"
#include "columnar/arrow_status.h"

namespace millrace {
namespace {

bool IsTraceHeader(std::string_view name) { return name == "traceparent" || name == "tracestate"; }

class KafkaBatchSink final : public Sink {
 public:
  KafkaBatchSink(KafkaSinkOptions options, std::vector<int> key_indices)
      : options_(std::move(options)), key_indices_(std::move(key_indices)) {}

  Status Write(const Batch& batch, SinkContext& context) override {
    if (batch.num_rows() == 0) return Status::Ok();
    MR_RETURN_IF_ERROR(options_.value->Encode(*batch.data, &values_).WithContext("topic " + options_.topic));
    if (options_.key != nullptr) {
      MR_ASSIGN_ARROW(const auto key_columns, batch.data->SelectColumns(key_indices_));
      MR_RETURN_IF_ERROR(
          options_.key->Encode(*key_columns, &keys_).WithContext("key of topic " + options_.topic));
    }
    context.bytes += static_cast<std::int64_t>(values_.bytes.size()) + KeyBytes(batch);
    OutgoingRecord record;
    record.topic = options_.topic;
    if (options_.partition.has_value()) record.partition = *options_.partition;
    for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
      const bool tombstone = batch.tombstone != nullptr && batch.tombstone->Value(row);
      if (const std::string* unknown = tombstone ? NullKeyColumn(batch, row) : nullptr; unknown != nullptr) {
        MR_RETURN_IF_ERROR(AddUnknownKey(row, *unknown, context));
        continue;
      }
      record.key = KeyOf(batch, row);
      record.value = tombstone ? BytesView{} : values_.row(row);
      record.timestamp_ms = batch.event_time->Value(row);
      record.headers = HeadersOf(batch, row);
      const Status status = context.producer->Send(record);
      if (status.ok()) continue;
      if (status.code() != StatusCode::kInvalidArgument || context.errors == nullptr) return status;
      context.errors->push_back({row, "too_large", status.message()});
    }
    return Status::Ok();
  }

 private:
  /// The columns of a record without a value are null, but for what the source filled from the message key:
  /// whose end it is cannot be told when one that makes the key is not among them. A tombstone made from
  /// state (an expired row) has its key, in which nulls are values.
  const std::string* NullKeyColumn(const Batch& batch, std::int64_t row) const {
    if (batch.block == nullptr) return nullptr;
    for (std::size_t i = 0; i < key_indices_.size(); ++i) {
      if (batch.data->column(key_indices_[i])->IsNull(row)) return &options_.key_columns[i];
    }
    return nullptr;
  }

  Status AddUnknownKey(std::int64_t row, const std::string& column, SinkContext& context) const {
    std::string message = "a record without a value deletes a key, but the key column `" + column +
                          "` of topic " + options_.topic +
                          " is null in it; declare `key: ...` on the source and pass that column on "
                          "unchanged, or drop such records by `filter: not _tombstone`";
    if (context.errors == nullptr) return Status::InvalidArgument(std::move(message));
    context.errors->push_back({row, "unknown_key", std::move(message)});
    return Status::Ok();
  }

  BytesView KeyOf(const Batch& batch, std::int64_t row) const {
    if (options_.key != nullptr) return keys_.row(row);
    if (options_.keyless || batch.key == nullptr || batch.key->IsNull(row)) return {};
    return BytesView::Of(batch.key->GetView(row));
  }

  std::int64_t KeyBytes(const Batch& batch) const {
    if (options_.key != nullptr) return static_cast<std::int64_t>(keys_.bytes.size());
    return options_.keyless || batch.key == nullptr ? 0 : batch.key->total_values_length();
  }

  std::span<const HeaderView> HeadersOf(const Batch& batch, std::int64_t row) {
    if (batch.block == nullptr) return {};
    const std::span<const HeaderView> all = batch.block->headers(batch.RecordOf(row));
    if (all.empty()) return {};
    headers_.clear();
    for (const HeaderView& header : all) {
      if (IsTraceHeader(header.name)) headers_.push_back(header);
    }
    return headers_;
  }

  KafkaSinkOptions options_;
  const std::vector<int> key_indices_;
  // Reused from batch to batch.
  EncodedRows values_;
  EncodedRows keys_;
  std::vector<HeaderView> headers_;
};

}  // namespace

Result<std::unique_ptr<Sink>> MakeKafkaSink(KafkaSinkOptions options, const arrow::Schema& input) {
  MR_CHECK(options.value != nullptr);
  MR_CHECK((options.key != nullptr) == !options.key_columns.empty()) << options.topic;
  MR_CHECK(!options.keyless || options.key == nullptr) << options.topic;
  std::vector<int> indices;
  for (const std::string& column : options.key_columns) {
    const int index = input.GetFieldIndex(column);
    if (index < 0) {
      return Status::InvalidArgument("sink topic " + options.topic + ": key column `" + column +
                                     "` is not a column of the rows" +
                                     DidYouMean(column, input.field_names()));
    }
    indices.push_back(index);
  }
  return std::unique_ptr<Sink>(std::make_unique<KafkaBatchSink>(std::move(options), std::move(indices)));
}

}  // namespace millrace
