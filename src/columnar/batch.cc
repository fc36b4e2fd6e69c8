#include "columnar/batch.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <arrow/api.h>
#include <arrow/compute/api_vector.h>

#include "base/check.h"
#include "columnar/arrow_status.h"

namespace millrace {
namespace {

/// int32 [first, first + length): the records of rows that are still in step with their block.
Result<std::shared_ptr<arrow::Int32Array>> RecordRange(std::int64_t first, std::int64_t length) {
  MR_ASSIGN_ARROW(std::unique_ptr<arrow::Buffer> buffer,
                  arrow::AllocateBuffer(length * static_cast<std::int64_t>(sizeof(std::int32_t))));
  auto* out = buffer->mutable_data_as<std::int32_t>();
  for (std::int64_t i = 0; i < length; ++i) out[i] = static_cast<std::int32_t>(first + i);
  return std::make_shared<arrow::Int32Array>(length, std::shared_ptr<arrow::Buffer>(std::move(buffer)));
}

/// Payload and side columns as one RecordBatch, so that a selection is computed once for all of them.
Result<std::shared_ptr<arrow::RecordBatch>> Flatten(const Batch& batch) {
  arrow::ArrayVector columns = batch.data->columns();
  arrow::FieldVector fields = batch.data->schema()->fields();
  const auto add = [&](const std::shared_ptr<arrow::Array>& side) {
    if (side == nullptr) return;
    fields.push_back(arrow::field("", side->type()));
    columns.push_back(side);
  };
  add(batch.event_time);
  add(batch.watermark_before);
  add(batch.key);
  add(batch.tombstone);
  add(batch.stands_for);
  if (batch.block != nullptr && batch.record == nullptr) {
    MR_ASSIGN_OR_RETURN(const auto range, RecordRange(0, batch.num_rows()));
    add(range);
  } else {
    add(batch.record);
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), batch.num_rows(), std::move(columns));
}

/// The inverse of Flatten after a selection of rows.
Batch Unflatten(const Batch& from, const std::shared_ptr<arrow::RecordBatch>& flat) {
  const int payload = from.data->num_columns();
  int at = payload;
  arrow::ArrayVector columns(flat->columns().begin(), flat->columns().begin() + payload);
  Batch to = from;
  to.data = arrow::RecordBatch::Make(from.data->schema(), flat->num_rows(), std::move(columns));
  const auto next = [&](auto& side, bool present) {
    using Array = typename std::remove_reference_t<decltype(side)>::element_type;
    if (present) side = std::static_pointer_cast<Array>(flat->column(at++));
  };
  next(to.event_time, from.event_time != nullptr);
  next(to.watermark_before, from.watermark_before != nullptr);
  next(to.key, from.key != nullptr);
  next(to.tombstone, from.tombstone != nullptr);
  next(to.stands_for, from.stands_for != nullptr);
  next(to.record, from.block != nullptr || from.record != nullptr);
  return to;
}

template <typename Array>
void CheckSide(const std::shared_ptr<Array>& side, const char* name, std::int64_t rows, bool nulls_allowed) {
  if (side == nullptr) return;
  MR_CHECK(side->length() == rows) << name << " has " << side->length() << " entries for " << rows << " rows";
  MR_CHECK(nulls_allowed || side->null_count() == 0) << name << " has nulls";
}

template <typename Array>
void SliceSide(std::shared_ptr<Array>& side, std::int64_t offset, std::int64_t length) {
  if (side != nullptr) side = std::static_pointer_cast<Array>(side->Slice(offset, length));
}

}  // namespace

std::int64_t Batch::num_rows() const { return data == nullptr ? 0 : data->num_rows(); }

std::int64_t Batch::rows_behind() const {
  if (stands_for == nullptr) return num_rows();
  return std::accumulate(stands_for->raw_values(), stands_for->raw_values() + stands_for->length(),
                         std::int64_t{0});
}

std::int64_t Batch::RecordOf(std::int64_t row) const {
  MR_DCHECK(block != nullptr);
  return record == nullptr ? row : record->Value(row);
}

Offset Batch::OffsetOf(std::int64_t row) const {
  if (block == nullptr) return kNoOffset;
  return Offset(block->offsets()[static_cast<std::size_t>(RecordOf(row))]);
}

Batch Batch::WithData(std::shared_ptr<arrow::RecordBatch> new_data) const {
  MR_CHECK(new_data->num_rows() == num_rows()) << new_data->num_rows() << " rows for " << num_rows();
  Batch to = *this;
  to.data = std::move(new_data);
  return to;
}

void CheckBatch(const Batch& batch) {
  MR_CHECK(batch.data != nullptr);
  const std::int64_t rows = batch.data->num_rows();
  for (int i = 0; i < batch.data->num_columns(); ++i) {
    const auto& column = batch.data->column(i);
    const auto& field = batch.data->schema()->field(i);
    MR_CHECK(column->length() == rows) << "column " << field->name();
    MR_CHECK(column->type()->Equals(*field->type()))
        << "column " << field->name() << " is " << column->type()->ToString() << ", its schema says "
        << field->type()->ToString();
  }
  MR_CHECK(batch.event_time != nullptr);
  CheckSide(batch.event_time, "event_time", rows, false);
  CheckSide(batch.watermark_before, "watermark_before", rows, false);
  CheckSide(batch.key, "key", rows, true);
  CheckSide(batch.tombstone, "tombstone", rows, false);
  CheckSide(batch.record, "record", rows, false);
  CheckSide(batch.stands_for, "stands_for", rows, false);
  if (batch.block != nullptr && batch.record == nullptr) {
    MR_CHECK(rows <= batch.block->num_records()) << rows << " rows from " << batch.block->num_records();
  }
}

Result<Batch> FilterBatch(const Batch& batch, const arrow::BooleanArray& keep) {
  MR_CHECK(keep.length() == batch.num_rows()) << keep.length() << " decisions for " << batch.num_rows();
  const std::int64_t kept = keep.true_count();
  if (kept == batch.num_rows()) return batch;
  if (kept == 0) return SliceBatch(batch, 0, 0);
  MR_ASSIGN_OR_RETURN(const auto flat, Flatten(batch));
  MR_ASSIGN_ARROW(const arrow::Datum chosen, arrow::compute::Filter(flat, keep.data()));
  return Unflatten(batch, chosen.record_batch());
}

Result<Batch> TakeRows(const Batch& batch, const std::shared_ptr<arrow::Int32Array>& indices) {
  MR_ASSIGN_OR_RETURN(const auto flat, Flatten(batch));
  MR_ASSIGN_ARROW(const arrow::Datum chosen, arrow::compute::Take(flat, indices));
  return Unflatten(batch, chosen.record_batch());
}

Batch SliceBatch(const Batch& batch, std::int64_t offset, std::int64_t length) {
  const std::int64_t rows = batch.num_rows();
  MR_CHECK(offset >= 0 && length >= 0 && offset + length <= rows)
      << offset << "+" << length << " of " << rows;
  Batch to = batch;
  const std::int64_t end = offset + length;
  if (end < rows && length > 0) {
    if (batch.watermark_before != nullptr) to.watermark = Watermark(batch.watermark_before->Value(end));
    if (batch.block != nullptr) to.origin.last = batch.OffsetOf(end - 1);
  }
  if (offset > 0 && length > 0 && batch.block != nullptr) to.origin.first = batch.OffsetOf(offset);
  to.data = batch.data->Slice(offset, length);
  SliceSide(to.event_time, offset, length);
  SliceSide(to.watermark_before, offset, length);
  SliceSide(to.key, offset, length);
  SliceSide(to.tombstone, offset, length);
  SliceSide(to.record, offset, length);
  SliceSide(to.stands_for, offset, length);
  if (batch.block != nullptr && batch.record == nullptr && offset > 0) {
    auto range = RecordRange(offset, length);
    MR_CHECK(range.ok()) << range.status().ToString();
    to.record = *std::move(range);
  }
  return to;
}

Result<Batch> WithoutRows(const Batch& batch, std::span<const RowError> errors) {
  if (errors.empty()) return batch;
  const std::int64_t rows = batch.num_rows();
  arrow::Int32Builder kept;
  MR_RETURN_IF_ARROW_ERROR(kept.Reserve(rows));
  auto next = errors.begin();
  for (std::int64_t row = 0; row < rows; ++row) {
    if (next != errors.end() && next->row == row) {
      ++next;
      continue;
    }
    kept.UnsafeAppend(static_cast<std::int32_t>(row));
  }
  MR_CHECK(next == errors.end()) << "row errors out of order, at row " << next->row << " of " << rows;
  std::shared_ptr<arrow::Int32Array> indices;
  MR_RETURN_IF_ARROW_ERROR(kept.Finish(&indices));
  return TakeRows(batch, indices);
}

}  // namespace millrace
