#include "compile/source_reader.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/util/bit_util.h>

#include "columnar/arrow_status.h"
#include "ops/window_assigner.h"

namespace millrace {
namespace {

namespace cp = arrow::compute;

constexpr std::int64_t FloorDivide(std::int64_t value, std::int64_t by) {
  const std::int64_t quotient = value / by;
  return quotient - (value % by < 0 ? 1 : 0);
}

/// Milliseconds of a timestamp column, flooring finer units; seconds beyond int64 ms become the end of the
/// range, which T4 refuses. An array of its own when there are nulls, whose slots hold any value.
Result<std::shared_ptr<arrow::Int64Array>> ToMilliseconds(const arrow::TimestampArray& times) {
  const auto unit = static_cast<const arrow::TimestampType&>(*times.type()).unit();
  if (unit == arrow::TimeUnit::MILLI && times.null_count() == 0) {
    return std::make_shared<arrow::Int64Array>(times.length(), times.values(), nullptr, 0, times.offset());
  }
  MR_ASSIGN_ARROW(auto buffer,
                  arrow::AllocateBuffer(times.length() * static_cast<std::int64_t>(sizeof(std::int64_t))));
  auto* out = reinterpret_cast<std::int64_t*>(buffer->mutable_data());
  const std::int64_t* in = times.raw_values();
  for (std::int64_t i = 0; i < times.length(); ++i) {
    switch (unit) {
      case arrow::TimeUnit::SECOND:
        if (__builtin_mul_overflow(in[i], 1000, &out[i])) out[i] = in[i] < 0 ? INT64_MIN + 1 : INT64_MAX;
        break;
      case arrow::TimeUnit::MILLI:
        out[i] = in[i];
        break;
      case arrow::TimeUnit::MICRO:
        out[i] = FloorDivide(in[i], 1'000);
        break;
      case arrow::TimeUnit::NANO:
        out[i] = FloorDivide(in[i], 1'000'000);
        break;
    }
  }
  return std::make_shared<arrow::Int64Array>(times.length(),
                                             std::shared_ptr<arrow::Buffer>(std::move(buffer)));
}

/// Message keys of the rows as a binary column, one copy.
Result<std::shared_ptr<arrow::BinaryArray>> KeyColumnOf(const RecordBlock& block,
                                                        const arrow::Int32Array* record) {
  const std::int64_t rows = record != nullptr ? record->length() : block.num_records();
  const auto key_at = [&](std::int64_t row) {
    return block.keys()[static_cast<std::size_t>(record != nullptr ? record->Value(row) : row)];
  };
  std::int64_t bytes = 0;
  std::int64_t nulls = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    const BytesView key = key_at(i);
    bytes += key.size;
    nulls += key.is_null() ? 1 : 0;
  }
  if (bytes > std::numeric_limits<std::int32_t>::max()) {
    return Status::ResourceExhausted("a batch with " + std::to_string(bytes) +
                                     " bytes of keys cannot be read: the limit is 2 GiB; lower batch.bytes");
  }
  constexpr auto kOffsetBytes = static_cast<std::int64_t>(sizeof(std::int32_t));
  MR_ASSIGN_ARROW(auto offsets, arrow::AllocateBuffer((rows + 1) * kOffsetBytes));
  MR_ASSIGN_ARROW(auto data, arrow::AllocateBuffer(bytes));
  std::shared_ptr<arrow::Buffer> valid;
  if (nulls > 0) {
    MR_ASSIGN_ARROW(valid, arrow::AllocateEmptyBitmap(rows));
  }
  auto* offset = reinterpret_cast<std::int32_t*>(offsets->mutable_data());
  auto* to = reinterpret_cast<char*>(data->mutable_data());
  std::int32_t end = 0;
  offset[0] = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    const BytesView key = key_at(i);
    if (key.size > 0) std::memcpy(to + end, key.data, static_cast<std::size_t>(key.size));
    if (nulls > 0 && !key.is_null()) arrow::bit_util::SetBit(valid->mutable_data(), i);
    end += key.size;
    offset[i + 1] = end;
  }
  return std::make_shared<arrow::BinaryArray>(rows, std::shared_ptr<arrow::Buffer>(std::move(offsets)),
                                              std::shared_ptr<arrow::Buffer>(std::move(data)),
                                              std::move(valid), nulls);
}

/// What messages call an event time.
std::string NameOf(const Expr& timestamp) {
  if (timestamp.empty()) return "";
  const std::string column = timestamp.AsColumn();
  return column.empty() ? "the event time '" + timestamp.ToString() + "'"
                        : "the event time column '" + column + "'";
}

class SourceReader final : public InputReader {
 public:
  SourceReader(SourceReaderOptions options, std::optional<BoundExpr> timestamp, const Clock& clock)
      : options_(std::move(options)),
        clock_(clock),
        timestamp_(std::move(timestamp)),
        time_name_(NameOf(options_.timestamp)),
        key_index_(options_.values->schema()->GetFieldIndex(options_.key_column)) {}

  Result<InputItems> Read(std::shared_ptr<const RecordBlock> block) override {
    MR_ASSIGN_OR_RETURN(DecodedBlock decoded, options_.values->Decode(*block));
    Batch batch;
    batch.data = std::move(decoded.rows);
    batch.record = std::move(decoded.record);
    batch.tombstone = std::move(decoded.tombstone);
    batch.block = block;
    batch.origin = {block->partition(), Offset(block->offsets().front()), Offset(block->offsets().back())};
    MR_ASSIGN_OR_RETURN(batch.key, KeyColumnOf(*block, batch.record.get()));
    std::vector<RowError> errors;
    MR_RETURN_IF_ERROR(SetEventTime(&batch, &errors));
    if (options_.keys != nullptr) MR_RETURN_IF_ERROR(CheckKey(&batch, &errors));
    MR_RETURN_IF_ERROR(DropFailed(&batch, std::move(errors), &decoded.errors));
    InputItems out;
    out.errors = std::move(decoded.errors);
    if (batch.num_rows() > 0) out.items.emplace_back(std::move(batch));
    return out;
  }

 private:
  /// Removes failed rows and adds them to `record_errors`, by record.
  static Status DropFailed(Batch* batch, std::vector<RowError> errors, std::vector<RowError>* record_errors) {
    if (errors.empty()) return Status::Ok();
    std::stable_sort(errors.begin(), errors.end(),
                     [](const auto& a, const auto& b) { return a.row < b.row; });
    errors.erase(std::unique(errors.begin(), errors.end(),
                             [](const auto& a, const auto& b) { return a.row == b.row; }),
                 errors.end());
    MR_ASSIGN_OR_RETURN(Batch kept, WithoutRows(*batch, errors));
    for (RowError& error : errors) {
      error.row = batch->RecordOf(error.row);
      record_errors->push_back(std::move(error));
    }
    std::stable_sort(record_errors->begin(), record_errors->end(),
                     [](const auto& a, const auto& b) { return a.row < b.row; });
    *batch = std::move(kept);
    return Status::Ok();
  }

  Status SetEventTime(Batch* batch, std::vector<RowError>* errors) const {
    if (timestamp_) {
      MR_RETURN_IF_ERROR(ComputeEventTime(batch, errors));
    } else {
      MR_ASSIGN_OR_RETURN(batch->event_time, KafkaTimes(*batch));
    }
    return CheckFuture(*batch, errors);
  }

  /// Tombstones have nothing to compute it of: what fails or is null there is the Kafka timestamp.
  Status ComputeEventTime(Batch* batch, std::vector<RowError>* errors) const {
    MR_ASSIGN_OR_RETURN(ExprValues computed, timestamp_->Evaluate(*batch->data));
    const auto& times = static_cast<const arrow::TimestampArray&>(*computed.values);
    MR_ASSIGN_OR_RETURN(batch->event_time, ToMilliseconds(times));
    if (times.null_count() == 0) return Status::Ok();
    const auto is_tombstone = [&](std::int64_t row) {
      return batch->tombstone != nullptr && batch->tombstone->Value(row);
    };
    for (ExprRowError& error : computed.errors) {
      if (is_tombstone(error.row)) continue;
      errors->push_back({error.row, std::move(error.error_class), "event time: " + error.message});
    }
    auto* out = const_cast<std::int64_t*>(batch->event_time->raw_values());  // made above, not shared yet
    for (std::int64_t i = 0; i < times.length(); ++i) {
      if (times.IsValid(i)) continue;
      out[i] = KafkaTime(*batch, i);
      if (!is_tombstone(i)) errors->push_back({i, "null_time", time_name_ + " is null"});
    }
    return Status::Ok();
  }

  static std::int64_t KafkaTime(const Batch& batch, std::int64_t row) {
    return batch.block->timestamps_ms()[static_cast<std::size_t>(batch.RecordOf(row))];
  }

  static Result<std::shared_ptr<arrow::Int64Array>> KafkaTimes(const Batch& batch) {
    const std::int64_t rows = batch.num_rows();
    MR_ASSIGN_ARROW(auto buffer,
                    arrow::AllocateBuffer(rows * static_cast<std::int64_t>(sizeof(std::int64_t))));
    auto* out = reinterpret_cast<std::int64_t*>(buffer->mutable_data());
    for (std::int64_t i = 0; i < rows; ++i) out[i] = KafkaTime(batch, i);
    return std::make_shared<arrow::Int64Array>(rows, std::shared_ptr<arrow::Buffer>(std::move(buffer)));
  }

  Status CheckFuture(const Batch& batch, std::vector<RowError>* errors) const {
    const std::int64_t rows = batch.num_rows();
    const std::int64_t limit = AddTime(clock_.Now().value(), options_.max_future.count());
    const std::int64_t* times = batch.event_time->raw_values();
    if (rows == 0 || *std::max_element(times, times + rows) <= limit) return Status::Ok();
    for (std::int64_t i = 0; i < rows; ++i) {
      if (times[i] <= limit) continue;
      errors->push_back({i, "future",
                         "event time " + std::to_string(times[i]) + " ms is more than max_future (" +
                             FormatDuration(options_.max_future) + ") ahead of the clock"});
    }
    return Status::Ok();
  }

  Status CheckKey(Batch* batch, std::vector<RowError>* errors) {
    MR_ASSIGN_OR_RETURN(DecodedBlock keys, options_.keys->Decode(*batch->block));
    if (keys.errors.empty() && batch->record == nullptr) {
      return CompareKey(batch, keys.rows->column(0), errors);  // row i is record i in both
    }
    // One key per row of the batch: null where the record has none or it does not decode.
    std::vector<std::int32_t> key_row(static_cast<std::size_t>(batch->block->num_records()), -1);
    for (std::int64_t i = 0; i < keys.rows->num_rows(); ++i) {
      key_row[static_cast<std::size_t>(keys.record != nullptr ? keys.record->Value(i) : i)] =
          static_cast<std::int32_t>(i);
    }
    std::map<std::int64_t, const RowError*> undecodable;
    for (const RowError& error : keys.errors) undecodable[error.row] = &error;
    arrow::Int32Builder take;
    MR_RETURN_IF_ARROW_ERROR(take.Reserve(batch->num_rows()));
    for (std::int64_t i = 0; i < batch->num_rows(); ++i) {
      const std::int64_t record = batch->RecordOf(i);
      if (const auto found = undecodable.find(record); found != undecodable.end()) {
        errors->push_back({i, found->second->error_class, "message key: " + found->second->message});
      }
      const std::int32_t at = key_row[static_cast<std::size_t>(record)];
      if (at >= 0)
        take.UnsafeAppend(at);
      else
        take.UnsafeAppendNull();
    }
    std::shared_ptr<arrow::Array> indices;
    MR_RETURN_IF_ARROW_ERROR(take.Finish(&indices));
    MR_ASSIGN_ARROW(const auto key_values, cp::Take(*keys.rows->column(0), *indices));
    return CompareKey(batch, key_values, errors);
  }

  Status CompareKey(Batch* batch, const std::shared_ptr<arrow::Array>& keys,
                    std::vector<RowError>* errors) const {
    const std::shared_ptr<arrow::Array> column = batch->data->column(key_index_);
    MR_ASSIGN_ARROW(const arrow::Datum differs, cp::CallFunction("not_equal", {column, keys}));
    const std::shared_ptr<arrow::Array> differing = differs.make_array();
    const auto& different = static_cast<const arrow::BooleanArray&>(*differing);
    if (different.true_count() == 0 && different.null_count() == 0) return Status::Ok();
    for (std::int64_t i = 0; i < different.length(); ++i) {
      if (batch->tombstone != nullptr && batch->tombstone->Value(i)) continue;  // has nothing but its key
      const bool differ = different.IsValid(i) ? different.Value(i) : column->IsNull(i) != keys->IsNull(i);
      if (differ) errors->push_back({i, "key_mismatch", Mismatch(column->IsNull(i), keys->IsNull(i))});
    }
    return batch->tombstone == nullptr ? Status::Ok() : FillKeyColumn(batch, column, keys);
  }

  std::string Mismatch(bool column_is_null, bool key_is_null) const {
    const std::string column = "the declared key column '" + options_.key_column + "'";
    if (key_is_null) return "the message key is null, but not " + column;
    if (column_is_null) return column + " is null, but not the message key";
    return "the message key is not " + column;
  }

  /// Gives tombstones the key column that their value lacks.
  Status FillKeyColumn(Batch* batch, const std::shared_ptr<arrow::Array>& column,
                       const std::shared_ptr<arrow::Array>& keys) const {
    MR_ASSIGN_ARROW(const arrow::Datum filled, cp::CallFunction("coalesce", {column, keys}));
    MR_ASSIGN_ARROW(auto data, batch->data->SetColumn(key_index_, batch->data->schema()->field(key_index_),
                                                      filled.make_array()));
    batch->data = std::move(data);
    return Status::Ok();
  }

  const SourceReaderOptions options_;
  const Clock& clock_;
  const std::optional<BoundExpr> timestamp_;
  const std::string time_name_;  // for messages
  const int key_index_;
};

}  // namespace

Result<std::unique_ptr<InputReader>> MakeSourceReader(SourceReaderOptions options, const Clock& clock) {
  const arrow::Schema& schema = *options.values->schema();
  if (!options.key_column.empty() && schema.GetFieldIndex(options.key_column) < 0) {
    return Status::InvalidArgument("the source's schema has no column '" + options.key_column + "'");
  }
  std::optional<BoundExpr> timestamp;
  if (!options.timestamp.empty()) {
    MR_ASSIGN_OR_RETURN(timestamp, BoundExpr::Bind(options.timestamp, options.values->schema()));
    if (timestamp->type()->id() != arrow::Type::TIMESTAMP) {
      return Status::InvalidArgument(NameOf(options.timestamp) + " is " + timestamp->type()->ToString() +
                                     ", not a timestamp");
    }
  }
  return std::unique_ptr<InputReader>(
      std::make_unique<SourceReader>(std::move(options), std::move(timestamp), clock));
}

}  // namespace millrace
