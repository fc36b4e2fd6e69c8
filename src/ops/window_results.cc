#include "ops/window_results.h"

#include <arrow/api.h>

#include "columnar/arrow_status.h"

namespace millrace {
namespace {

arrow::FieldVector FirstFields(const arrow::Schema& schema, int n) {
  return {schema.fields().begin(), schema.fields().begin() + n};
}

std::shared_ptr<arrow::Array> Times(const std::shared_ptr<arrow::DataType>& type,
                                    std::vector<std::int64_t> times) {
  const auto rows = static_cast<std::int64_t>(times.size());
  return arrow::MakeArray(
      arrow::ArrayData::Make(type, rows, {nullptr, arrow::Buffer::FromVector(std::move(times))}, 0));
}

}  // namespace

WindowResults::WindowResults(Options options)
    : schema_(std::move(options.schema)),
      key_fields_(FirstFields(*schema_, options.key_fields)),
      groups_(options.groups),
      aggregates_(*options.aggregates),
      checks_(options.merged || options.groups->bounded()) {}

Status WindowResults::Add(const Window& window, std::string_view key, std::uint32_t slot, Output& output) {
  if (checks_) Check(window, slot);
  starts_ms_.push_back(window.start_ms);
  ends_ms_.push_back(window.end_ms);
  keys_.Append(key);
  MR_RETURN_IF_ERROR(groups_->AppendResults(slot));
  if (static_cast<std::int64_t>(starts_ms_.size()) < kMaxRows) return Status::Ok();
  return Flush(output);
}

void WindowResults::Check(const Window& window, std::uint32_t slot) {
  std::size_t aggregate = 0;
  const std::string why = groups_->Unrepresentable(slot, &aggregate);
  if (why.empty()) return;
  errors_.push_back({static_cast<std::int64_t>(starts_ms_.size()), "overflow",
                     "in window [" + std::to_string(window.start_ms) + ", " + std::to_string(window.end_ms) +
                         ") " + aggregates_[aggregate].text + " " + why});
}

Status WindowResults::Flush(Output& output) {
  if (starts_ms_.empty()) return Status::Ok();
  MR_ASSIGN_OR_RETURN(Batch batch, MakeBatch());
  if (errors_.empty()) return output.Emit(std::move(batch));
  std::vector<RowError> errors = std::exchange(errors_, {});
  MR_ASSIGN_OR_RETURN(Batch kept, WithoutRows(batch, errors));
  MR_RETURN_IF_ERROR(output.DeadLetter(batch, std::move(errors)));
  return output.Emit(std::move(kept));
}

Result<Batch> WindowResults::MakeBatch() {
  const auto rows = static_cast<std::int64_t>(starts_ms_.size());
  arrow::ArrayVector columns;
  if (!key_fields_.empty()) {
    MR_ASSIGN_OR_RETURN(columns, DecodeKeys(keys_.data(), keys_.offsets(), key_fields_));
  }
  std::vector<std::int64_t> event_times_ms;
  event_times_ms.reserve(ends_ms_.size());
  for (const std::int64_t end : ends_ms_) event_times_ms.push_back(end - 1);
  const auto at = [&columns, this] { return schema_->field(static_cast<int>(columns.size()))->type(); };
  columns.push_back(Times(at(), std::exchange(starts_ms_, {})));
  columns.push_back(Times(at(), std::exchange(ends_ms_, {})));
  for (std::size_t i = 0; i < groups_->visible(); ++i) {
    MR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Array> column, groups_->aggregator(i).Finish());
    columns.push_back(std::move(column));
  }
  if (static_cast<int>(columns.size()) < schema_->num_fields()) {
    MR_ASSIGN_ARROW(std::shared_ptr<arrow::Array> is_final,
                    arrow::MakeArrayFromScalar(arrow::BooleanScalar(is_final_), rows));
    columns.push_back(std::move(is_final));
  }
  Batch batch;
  batch.data = arrow::RecordBatch::Make(schema_, rows, std::move(columns));
  batch.event_time =
      std::static_pointer_cast<arrow::Int64Array>(Times(arrow::int64(), std::move(event_times_ms)));
  batch.key = std::move(keys_).ToBinaryArray();
  batch.origin = origin_;
  return batch;
}

}  // namespace millrace
