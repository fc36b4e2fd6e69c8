#include "ops/row_width.h"

#include <algorithm>
#include <vector>

#include <arrow/api.h>

#include "columnar/arrow_status.h"

namespace millrace {
namespace {

using Widths = std::vector<std::int64_t>;

void AddWidths(const arrow::Array& array, Widths* widths);

template <typename Array>
void AddLengths(const arrow::Array& array, Widths* widths) {
  const auto* const offsets = static_cast<const Array&>(array).raw_value_offsets();
  for (std::size_t i = 0; i < widths->size(); ++i) (*widths)[i] += offsets[i + 1] - offsets[i];
}

/// Of lists and maps: what their elements take.
template <typename Array>
void AddElements(const arrow::Array& array, Widths* widths) {
  const auto& lists = static_cast<const Array&>(array);
  const auto* const offsets = lists.raw_value_offsets();
  const auto first = static_cast<std::int64_t>(offsets[0]);
  const std::int64_t elements = static_cast<std::int64_t>(offsets[widths->size()]) - first;
  constexpr std::int64_t kFixed = 16;  // more than most values that have no offsets
  Widths each(static_cast<std::size_t>(elements), kFixed);
  AddWidths(*lists.values()->Slice(first, elements), &each);
  for (std::size_t i = 0; i < widths->size(); ++i) {
    for (auto e = static_cast<std::int64_t>(offsets[i]) - first; e < offsets[i + 1] - first; ++e)
      (*widths)[i] += each[static_cast<std::size_t>(e)];
  }
}

void AddWidths(const arrow::Array& array, Widths* widths) {
  if (widths->empty()) return;
  switch (array.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return AddLengths<arrow::BinaryArray>(array, widths);
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return AddLengths<arrow::LargeBinaryArray>(array, widths);
    case arrow::Type::LIST:
    case arrow::Type::MAP:
      return AddElements<arrow::ListArray>(array, widths);
    case arrow::Type::LARGE_LIST:
      return AddElements<arrow::LargeListArray>(array, widths);
    case arrow::Type::STRUCT:
      for (const auto& field : static_cast<const arrow::StructArray&>(array).fields())
        AddWidths(*field, widths);
      return;
    default:
      return;
  }
}

}  // namespace

Widths RowWidths(const arrow::RecordBatch& data) {
  Widths widths(static_cast<std::size_t>(data.num_rows()), 0);
  for (const auto& column : data.columns()) AddWidths(*column, &widths);
  return widths;
}

Status RemoveWideRows(std::span<const int> columns, std::int64_t most, Batch* batch, Output& output) {
  MR_ASSIGN_ARROW(const auto kept,
                  batch->data->SelectColumns(std::vector<int>(columns.begin(), columns.end())));
  const Widths widths = RowWidths(*kept);
  std::vector<RowError> errors;
  for (std::size_t row = 0; row < widths.size(); ++row) {
    if (widths[row] <= most) continue;
    errors.push_back({static_cast<std::int64_t>(row), "too_large",
                      "the row has " + std::to_string(widths[row]) +
                          " bytes of values to keep; a step keeps " + std::to_string(most) + " for one key"});
  }
  if (errors.empty()) return Status::Ok();
  MR_ASSIGN_OR_RETURN(Batch narrow, WithoutRows(*batch, errors));
  MR_RETURN_IF_ERROR(output.DeadLetter(*batch, std::move(errors)));
  *batch = std::move(narrow);
  return Status::Ok();
}

bool HasRowWiderThan(std::int64_t bytes, const arrow::RecordBatch& data) {
  const Widths widths = RowWidths(data);
  return std::any_of(widths.begin(), widths.end(), [bytes](std::int64_t width) { return width > bytes; });
}

}  // namespace millrace
