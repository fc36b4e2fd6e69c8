#include "ops/key_tombstones.h"

#include <algorithm>
#include <utility>

#include <arrow/api.h>
#include <arrow/compute/api_vector.h>

#include "columnar/arrow_status.h"

namespace millrace {

Result<Batch> KeyTombstones(const std::shared_ptr<arrow::Schema>& schema, std::span<const int> key_columns,
                            KeyBuffer* keys, std::vector<std::int64_t> event_times_ms) {
  const std::int64_t rows = keys->num_rows();
  arrow::FieldVector key_fields;
  for (const int column : key_columns) key_fields.push_back(schema->field(column));
  MR_ASSIGN_OR_RETURN(const auto values, DecodeKeys(keys->data(), keys->offsets(), key_fields));
  arrow::ArrayVector columns(static_cast<std::size_t>(schema->num_fields()));
  for (std::size_t i = 0; i < key_columns.size(); ++i) {
    columns[static_cast<std::size_t>(key_columns[i])] = values[i];
  }
  for (int i = 0; i < schema->num_fields(); ++i) {
    auto& column = columns[static_cast<std::size_t>(i)];
    if (column != nullptr) continue;
    MR_ASSIGN_ARROW(column, arrow::MakeArrayOfNull(schema->field(i)->type(), rows));
  }
  MR_ASSIGN_ARROW(const auto all, arrow::MakeArrayFromScalar(arrow::BooleanScalar(true), rows));
  Batch batch;
  batch.data = arrow::RecordBatch::Make(schema, rows, std::move(columns));
  batch.event_time =
      std::make_shared<arrow::Int64Array>(rows, arrow::Buffer::FromVector(std::move(event_times_ms)));
  batch.key = std::move(*keys).ToBinaryArray();
  batch.tombstone = std::static_pointer_cast<arrow::BooleanArray>(all);
  return batch;
}

Result<Batch> WithTombstones(const Batch& batch, std::span<const int> key_columns,
                             std::span<const std::uint8_t> ends) {
  arrow::BooleanBuilder flags;
  arrow::Int32Builder kept;  // null where the row ends: what is taken from there is null
  MR_RETURN_IF_ARROW_ERROR(flags.Reserve(batch.num_rows()));
  MR_RETURN_IF_ARROW_ERROR(kept.Reserve(batch.num_rows()));
  for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
    const bool ended = ends[static_cast<std::size_t>(row)] != 0;
    flags.UnsafeAppend(ended || (batch.tombstone != nullptr && batch.tombstone->Value(row)));
    if (ended) {
      kept.UnsafeAppendNull();
    } else {
      kept.UnsafeAppend(static_cast<std::int32_t>(row));
    }
  }
  std::shared_ptr<arrow::Array> rows;
  MR_RETURN_IF_ARROW_ERROR(kept.Finish(&rows));
  arrow::ArrayVector columns = batch.data->columns();
  for (int i = 0; i < batch.data->num_columns(); ++i) {
    if (std::find(key_columns.begin(), key_columns.end(), i) != key_columns.end()) continue;
    MR_ASSIGN_ARROW(columns[static_cast<std::size_t>(i)],
                    arrow::compute::Take(*batch.data->column(i), *rows));
  }
  Batch out =
      batch.WithData(arrow::RecordBatch::Make(batch.data->schema(), batch.num_rows(), std::move(columns)));
  MR_RETURN_IF_ARROW_ERROR(flags.Finish(&out.tombstone));
  return out;
}

}  // namespace millrace
