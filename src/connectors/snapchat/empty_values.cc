#include "connectors/snapchat/empty_values.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <arrow/api.h>
#include <arrow/compute/api.h>
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

/// The elements of lists that are none.
class Missing {
 public:
  explicit Missing(const arrow::Array& values)
      : values_(values),
        texts_(values.type_id() == arrow::Type::STRING ? static_cast<const arrow::StringArray*>(&values)
                                                       : nullptr) {}

  bool operator[](std::int64_t element) const {
    return values_.IsNull(element) || (texts_ != nullptr && texts_->value_length(element) == 0);
  }

 private:
  const arrow::Array& values_;
  const arrow::StringArray* const texts_;
};

bool HasEmptyList(const arrow::ListArray& lists, const Missing& missing) {
  for (std::int64_t row = 0; row < lists.length(); ++row) {
    if (lists.IsNull(row)) continue;
    const std::int64_t begin = lists.value_offset(row);
    const std::int64_t end = lists.value_offset(row + 1);
    if (begin == end) return true;
    for (std::int64_t element = begin; element < end; ++element) {
      if (missing[element]) return true;
    }
  }
  return false;
}

Result<Column> WithoutEmptyElements(const Column& column) {
  const auto& lists = static_cast<const arrow::ListArray&>(*column);
  const Missing missing(*lists.values());
  if (!HasEmptyList(lists, missing)) return column;
  arrow::Int32Builder kept;
  arrow::TypedBufferBuilder<std::int32_t> offsets;
  arrow::TypedBufferBuilder<bool> valid;
  MR_RETURN_IF_ARROW_ERROR(offsets.Append(0));
  for (std::int64_t row = 0; row < lists.length(); ++row) {
    const std::int64_t before = kept.length();
    const std::int64_t end = lists.IsNull(row) ? lists.value_offset(row) : lists.value_offset(row + 1);
    for (std::int64_t element = lists.value_offset(row); element < end; ++element) {
      if (!missing[element]) MR_RETURN_IF_ARROW_ERROR(kept.Append(static_cast<std::int32_t>(element)));
    }
    MR_RETURN_IF_ARROW_ERROR(offsets.Append(static_cast<std::int32_t>(kept.length())));
    MR_RETURN_IF_ARROW_ERROR(valid.Append(kept.length() > before));
  }
  std::shared_ptr<arrow::Array> elements;
  std::shared_ptr<arrow::Buffer> offset_buffer;
  std::shared_ptr<arrow::Buffer> valid_buffer;
  MR_RETURN_IF_ARROW_ERROR(kept.Finish(&elements));
  MR_RETURN_IF_ARROW_ERROR(offsets.Finish(&offset_buffer));
  MR_RETURN_IF_ARROW_ERROR(valid.Finish(&valid_buffer));
  MR_ASSIGN_ARROW(auto values, arrow::compute::Take(*lists.values(), *elements));
  return Column(std::make_shared<arrow::ListArray>(column->type(), column->length(), std::move(offset_buffer),
                                                   std::move(values), std::move(valid_buffer)));
}

Result<Column> WithoutEmpty(const Column& column, const std::string& field) {
  constexpr std::string_view kOfPlaces = "app_data.extinfo";
  if (column->type_id() == arrow::Type::STRING) return WithoutEmptyTexts(column);
  if (column->type_id() == arrow::Type::LIST && field != kOfPlaces) return WithoutEmptyElements(column);
  return column;
}

}  // namespace

Result<Batch> WithoutEmptyValues(const Batch& batch) {
  arrow::ArrayVector columns = batch.data->columns();
  bool same = true;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string& field = batch.data->schema()->field(static_cast<int>(i))->name();
    MR_ASSIGN_OR_RETURN(Column present, WithoutEmpty(columns[i], field));
    same = same && present == columns[i];
    columns[i] = std::move(present);
  }
  if (same) return batch;
  return batch.WithData(arrow::RecordBatch::Make(batch.data->schema(), batch.num_rows(), std::move(columns)));
}

}  // namespace millrace
