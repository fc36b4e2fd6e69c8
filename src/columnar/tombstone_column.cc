#include "columnar/tombstone_column.h"

#include <arrow/api.h>

#include "columnar/arrow_status.h"

namespace millrace {

std::shared_ptr<arrow::Schema> WithTombstoneField(const std::shared_ptr<arrow::Schema>& schema) {
  if (schema->GetFieldIndex(kTombstoneColumn) >= 0) return schema;
  arrow::FieldVector fields = schema->fields();
  fields.push_back(arrow::field(kTombstoneColumn, arrow::boolean()));
  return arrow::schema(std::move(fields), schema->metadata());
}

Result<std::shared_ptr<arrow::RecordBatch>> WithTombstoneColumn(const Batch& batch) {
  const std::shared_ptr<arrow::Schema> schema = WithTombstoneField(batch.data->schema());
  if (schema == batch.data->schema()) return batch.data;
  arrow::ArrayVector columns = batch.data->columns();
  std::shared_ptr<arrow::Array> tombstone = batch.tombstone;
  if (tombstone == nullptr) {
    MR_ASSIGN_ARROW(tombstone, arrow::MakeArrayFromScalar(arrow::BooleanScalar(false), batch.num_rows()));
  }
  columns.push_back(std::move(tombstone));
  return arrow::RecordBatch::Make(schema, batch.num_rows(), std::move(columns));
}

}  // namespace millrace
