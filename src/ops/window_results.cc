#include "ops/window_results.h"

#include <arrow/api.h>

#include "columnar/arrow_status.h"

namespace millrace {
namespace {

std::shared_ptr<arrow::Array> Times(const std::shared_ptr<arrow::DataType>& type,
                                    std::vector<std::int64_t> times) {
  const auto rows = static_cast<std::int64_t>(times.size());
  return arrow::MakeArray(
      arrow::ArrayData::Make(type, rows, {nullptr, arrow::Buffer::FromVector(std::move(times))}, 0));
}

}  // namespace

WindowResults::WindowResults(Options options)
    : shape_(std::move(options.shape)),
      groups_(options.groups),
      aggregates_(*options.aggregates),
      checks_(options.merged || options.groups->bounded()) {}

Status WindowResults::Add(const Window& window, std::string_view key, std::uint32_t slot, Output& output) {
  if (checks_) Check(window, slot);
  windows_.push_back(window);
  keys_.Append(key);
  MR_RETURN_IF_ERROR(groups_->AppendResults(slot));
  const bool full = static_cast<std::int64_t>(windows_.size()) >= kMaxRows ||
                    keys_.bytes() + groups_->appended_bytes() >= kMaxBytes;
  return full ? Flush(output) : Status::Ok();
}

void WindowResults::Check(const Window& window, std::uint32_t slot) {
  std::size_t aggregate = 0;
  const std::string why = groups_->Unrepresentable(slot, &aggregate);
  if (why.empty()) return;
  errors_.push_back({static_cast<std::int64_t>(windows_.size()), "overflow",
                     "in window [" + std::to_string(window.start_ms) + ", " + std::to_string(window.end_ms) +
                         ") " + aggregates_[aggregate].text + " " + why});
}

Status WindowResults::Flush(Output& output) {
  if (windows_.empty()) return Status::Ok();
  Rows rows{.windows = std::exchange(windows_, {}),
            .keys = std::exchange(keys_, {}),
            .results = {},
            .is_final = is_final_};
  for (std::size_t i = 0; i < groups_->visible(); ++i) {
    MR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Array> column, groups_->aggregator(i).Finish());
    rows.results.push_back(std::move(column));
  }
  MR_ASSIGN_OR_RETURN(Batch batch, MakeBatch(shape_, std::move(rows)));
  if (errors_.empty()) return output.Emit(std::move(batch));
  std::vector<RowError> errors = std::exchange(errors_, {});
  MR_ASSIGN_OR_RETURN(Batch kept, WithoutRows(batch, errors));
  MR_RETURN_IF_ERROR(output.DeadLetter(batch, std::move(errors)));
  return output.Emit(std::move(kept));
}

Result<Batch> WindowResults::MakeBatch(const Shape& shape, Rows rows) {
  const auto& [schema, key_fields, origin] = shape;
  const auto n = static_cast<std::int64_t>(rows.windows.size());
  arrow::ArrayVector columns;
  if (key_fields > 0) {
    const arrow::FieldVector fields(schema->fields().begin(), schema->fields().begin() + key_fields);
    MR_ASSIGN_OR_RETURN(columns, DecodeKeys(rows.keys.data(), rows.keys.offsets(), fields));
  }
  std::vector<std::int64_t> starts_ms, ends_ms, event_times_ms;
  for (auto* times : {&starts_ms, &ends_ms, &event_times_ms}) times->reserve(rows.windows.size());
  for (const Window& window : rows.windows) {
    starts_ms.push_back(window.start_ms);
    ends_ms.push_back(window.end_ms);
    event_times_ms.push_back(window.end_ms - 1);
  }
  columns.push_back(Times(schema->field(key_fields)->type(), std::move(starts_ms)));
  columns.push_back(Times(schema->field(key_fields + 1)->type(), std::move(ends_ms)));
  for (auto& result : rows.results) columns.push_back(std::move(result));
  if (static_cast<int>(columns.size()) < schema->num_fields()) {
    MR_ASSIGN_ARROW(std::shared_ptr<arrow::Array> is_final,
                    arrow::MakeArrayFromScalar(arrow::BooleanScalar(rows.is_final), n));
    columns.push_back(std::move(is_final));
  }
  Batch batch;
  batch.data = arrow::RecordBatch::Make(schema, n, std::move(columns));
  batch.event_time =
      std::static_pointer_cast<arrow::Int64Array>(Times(arrow::int64(), std::move(event_times_ms)));
  batch.key = std::move(rows.keys).ToBinaryArray();
  batch.origin.partition = origin;
  return batch;
}

}  // namespace millrace
