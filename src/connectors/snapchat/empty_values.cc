#include "connectors/snapchat/empty_values.h"

#include <cstdint>
#include <memory>
#include <utility>

#include <arrow/api.h>
#include <arrow/util/bit_util.h>

#include "columnar/arrow_status.h"

namespace millrace {
namespace {

using Column = std::shared_ptr<arrow::Array>;

bool HasEmptyText(const arrow::StringArray& texts) {
  const std::int32_t* const offsets = texts.raw_value_offsets();
  std::int64_t empty = 0;
  for (std::int64_t row = 0; row < texts.length(); ++row) empty += offsets[row] == offsets[row + 1] ? 1 : 0;
  if (empty == 0) return false;
  // A null has no characters either.
  for (std::int64_t row = 0; row < texts.length(); ++row) {
    if (offsets[row] == offsets[row + 1] && texts.IsValid(row)) return true;
  }
  return false;
}

Result<Column> WithoutEmptyTexts(const Column& column) {
  const auto& texts = static_cast<const arrow::StringArray&>(*column);
  if (!HasEmptyText(texts)) return column;
  const auto data = texts.data()->Copy();
  MR_ASSIGN_ARROW(auto valid, arrow::AllocateEmptyBitmap(data->offset + data->length));
  for (std::int64_t row = 0; row < texts.length(); ++row) {
    if (texts.IsValid(row) && texts.value_length(row) > 0)
      arrow::bit_util::SetBit(valid->mutable_data(), data->offset + row);
  }
  data->buffers[0] = std::move(valid);
  data->null_count = arrow::kUnknownNullCount;
  return arrow::MakeArray(data);
}

}  // namespace

Result<Batch> WithoutEmptyValues(const Batch& batch) {
  arrow::ArrayVector columns = batch.data->columns();
  bool same = true;
  for (Column& column : columns) {
    if (column->type_id() != arrow::Type::STRING) continue;
    MR_ASSIGN_OR_RETURN(Column present, WithoutEmptyTexts(column));
    same = same && present == column;
    column = std::move(present);
  }
  if (same) return batch;
  return batch.WithData(arrow::RecordBatch::Make(batch.data->schema(), batch.num_rows(), std::move(columns)));
}

}  // namespace millrace
