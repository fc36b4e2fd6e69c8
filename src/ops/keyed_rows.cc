#include "ops/keyed_rows.h"

#include <algorithm>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "base/suggest.h"
#include "columnar/arrow_status.h"
#include "columnar/key_encoding.h"
#include "columnar/schema_text.h"

namespace millrace {
namespace {

std::string KeyNames(std::span<const int> key_columns, const arrow::Schema& schema) {
  std::string names;
  for (const int column : key_columns) names += (names.empty() ? "" : ", ") + schema.field(column)->name();
  return names;
}

template <typename Array>
std::int64_t LongestOf(const arrow::Array& texts) {
  const auto* const offsets = static_cast<const Array&>(texts).raw_value_offsets();
  auto longest = offsets[0] - offsets[0];
  for (std::int64_t i = 0; i < texts.length(); ++i) longest = std::max(longest, offsets[i + 1] - offsets[i]);
  return longest;
}

/// What no value of a key column takes more than, encoded.
std::int64_t MostKeyBytes(const arrow::Array& column) {
  constexpr std::int64_t kFixed = 34;  // more than a value of fixed size, or what goes around a text
  switch (column.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return kFixed + 2 * LongestOf<arrow::BinaryArray>(column);
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return kFixed + 2 * LongestOf<arrow::LargeBinaryArray>(column);
    default:
      return kFixed;
  }
}

}  // namespace

Status RemoveTombstones(Batch* batch, Output& output) {
  if (batch->tombstone == nullptr) return Status::Ok();
  if (batch->tombstone->true_count() > 0) {
    MR_ASSIGN_ARROW(const arrow::Datum present, arrow::compute::CallFunction("invert", {batch->tombstone}));
    const std::int64_t before = batch->num_rows();
    MR_ASSIGN_OR_RETURN(Batch kept,
                        FilterBatch(*batch, static_cast<const arrow::BooleanArray&>(*present.make_array())));
    *batch = std::move(kept);
    output.CountAbsorbed(before - batch->num_rows());
  }
  batch->tombstone = nullptr;
  return Status::Ok();
}

Status RemoveTombstonesWithoutKey(std::span<const int> key_columns, Batch* batch, Output& output) {
  if (batch->tombstone == nullptr || batch->tombstone->true_count() == 0) return Status::Ok();
  MR_ASSIGN_OR_RETURN(const auto nulls, RowsWithNull(KeyArrays(key_columns, *batch->data)));
  if (nulls == nullptr) return Status::Ok();
  arrow::BooleanBuilder mask;
  MR_RETURN_IF_ARROW_ERROR(mask.Reserve(batch->num_rows()));
  for (std::int64_t i = 0; i < batch->num_rows(); ++i) {
    mask.UnsafeAppend(!(batch->tombstone->Value(i) && nulls->Value(i)));
  }
  std::shared_ptr<arrow::BooleanArray> keep;
  MR_RETURN_IF_ARROW_ERROR(mask.Finish(&keep));
  const std::int64_t before = batch->num_rows();
  MR_ASSIGN_OR_RETURN(Batch kept, FilterBatch(*batch, *keep));
  *batch = std::move(kept);
  output.CountAbsorbed(before - batch->num_rows());
  return Status::Ok();
}

Status RemoveNullKeys(std::span<const int> key_columns, NullKeyPolicy policy, Batch* batch, Output& output) {
  if (policy == NullKeyPolicy::kGroup || key_columns.empty()) return Status::Ok();
  MR_ASSIGN_OR_RETURN(const auto nulls, RowsWithNull(KeyArrays(key_columns, *batch->data)));
  if (nulls == nullptr) return Status::Ok();
  const std::string names = KeyNames(key_columns, *batch->data->schema());
  std::vector<RowError> errors;
  for (std::int64_t i = 0; i < batch->num_rows(); ++i) {
    if (nulls->Value(i)) {
      errors.push_back(
          {i, "null_key", "a key column is null (" + names + "); set null_key: drop or group to allow it"});
    }
  }
  MR_ASSIGN_OR_RETURN(Batch kept, WithoutRows(*batch, errors));
  if (policy == NullKeyPolicy::kDrop) {
    output.CountFiltered(static_cast<std::int64_t>(errors.size()));
  } else {
    MR_RETURN_IF_ERROR(output.DeadLetter(*batch, std::move(errors)));
  }
  *batch = std::move(kept);
  return Status::Ok();
}

Status RemoveLongKeys(std::span<const int> key_columns, std::int64_t most_bytes, Batch* batch,
                      Output& output) {
  if (batch->num_rows() == 0) return Status::Ok();
  std::int64_t most = 0;
  for (const int column : key_columns) most += MostKeyBytes(*batch->data->column(column));
  if (most <= most_bytes) return Status::Ok();
  KeyBuffer keys;
  MR_RETURN_IF_ERROR(EncodeKeys(KeyArrays(key_columns, *batch->data), &keys));
  std::vector<RowError> errors;
  for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
    const auto bytes = static_cast<std::int64_t>(keys[static_cast<std::size_t>(row)].size());
    if (bytes <= most_bytes) continue;
    errors.push_back({row, "too_large",
                      "the key (" + KeyNames(key_columns, *batch->data->schema()) + ") has " +
                          std::to_string(bytes) + " bytes, and the step keeps keys of " +
                          std::to_string(most_bytes) + " at most; use a part or a hash of it"});
  }
  if (errors.empty()) return Status::Ok();
  MR_ASSIGN_OR_RETURN(Batch kept, WithoutRows(*batch, errors));
  MR_RETURN_IF_ERROR(output.DeadLetter(*batch, std::move(errors)));
  *batch = std::move(kept);
  return Status::Ok();
}

std::vector<std::shared_ptr<arrow::Array>> KeyArrays(std::span<const int> key_columns,
                                                     const arrow::RecordBatch& data) {
  std::vector<std::shared_ptr<arrow::Array>> arrays;
  arrays.reserve(key_columns.size());
  for (const int column : key_columns) arrays.push_back(data.column(column));
  return arrays;
}

Status TakeOutLate(const std::vector<std::int32_t>& late, std::vector<std::int64_t> late_by_ms, Batch* batch,
                   Output& output) {
  arrow::Int32Builder indices;
  MR_RETURN_IF_ARROW_ERROR(indices.AppendValues(late));
  std::shared_ptr<arrow::Int32Array> rows;
  MR_RETURN_IF_ARROW_ERROR(indices.Finish(&rows));
  MR_ASSIGN_OR_RETURN(Batch taken, TakeRows(*batch, rows));
  MR_RETURN_IF_ERROR(output.Late(std::move(taken), std::move(late_by_ms)));
  std::vector<bool> kept(static_cast<std::size_t>(batch->num_rows()), true);
  for (const std::int32_t row : late) kept[static_cast<std::size_t>(row)] = false;
  arrow::BooleanBuilder mask;
  MR_RETURN_IF_ARROW_ERROR(mask.AppendValues(kept));
  std::shared_ptr<arrow::BooleanArray> keep;
  MR_RETURN_IF_ARROW_ERROR(mask.Finish(&keep));
  MR_ASSIGN_OR_RETURN(*batch, FilterBatch(*batch, *keep));
  return Status::Ok();
}

Status TakeOutWithoutWindow(const std::vector<std::int32_t>& rows, Duration size, Batch* batch,
                            Output& output) {
  std::vector<RowError> errors;
  errors.reserve(rows.size());
  for (const std::int32_t row : rows) {
    errors.push_back({row, "overflow",
                      "no window of " + FormatDuration(size) + " holds the event time " +
                          std::to_string(batch->event_time->Value(row)) + " ms"});
  }
  MR_ASSIGN_OR_RETURN(Batch kept, WithoutRows(*batch, errors));
  MR_RETURN_IF_ERROR(output.DeadLetter(*batch, std::move(errors)));
  *batch = std::move(kept);
  return Status::Ok();
}

Status EncodeGroupKeys(std::span<const int> key_columns, const Batch& batch, KeyBuffer* keys) {
  if (!key_columns.empty()) return EncodeKeys(KeyArrays(key_columns, *batch.data), keys);
  keys->Clear();
  for (std::int64_t i = 0; i < batch.num_rows(); ++i) keys->Append("");
  return Status::Ok();
}

Result<std::vector<int>> KeyColumnIndices(std::span<const std::string> names, const arrow::Schema& input) {
  std::vector<int> indices;
  for (const std::string& name : names) {
    const int index = input.GetFieldIndex(name);
    if (index < 0) {
      return Status::InvalidArgument("there is no column '" + name + "' to group by" +
                                     DidYouMean(name, input.field_names()));
    }
    const auto& type = input.field(index)->type();
    if (!IsKeyType(*type)) {
      return Status::InvalidArgument(
          "column '" + name + "' is " + type->ToString() +
          ", which cannot be grouped by; use an integer, string, date or decimal column");
    }
    indices.push_back(index);
  }
  return indices;
}

std::string ColumnsLayout(std::span<const int> columns, const arrow::Schema& input) {
  std::string layout;
  for (const int column : columns) {
    const auto& field = *input.field(column);
    layout += (layout.empty() ? "" : " ") + field.name() + ":" + TypeText(*field.type());
  }
  std::replace(layout.begin(), layout.end(), '\n', ' ');
  return layout;
}

}  // namespace millrace
