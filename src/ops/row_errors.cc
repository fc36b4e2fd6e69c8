#include "ops/row_errors.h"

#include <algorithm>

#include <arrow/array.h>

namespace millrace {

std::vector<RowError> ToRowErrors(std::vector<ExprRowError> errors, const arrow::BooleanArray* tombstone) {
  std::vector<RowError> out;
  for (ExprRowError& error : errors) {
    if (tombstone != nullptr && tombstone->Value(error.row)) continue;
    out.push_back({error.row, std::move(error.error_class), std::move(error.message)});
  }
  return out;
}

std::vector<RowError> MergeRowErrors(std::vector<std::vector<RowError>> errors) {
  std::vector<RowError> out;
  for (auto& part : errors) {
    for (RowError& error : part) out.push_back(std::move(error));
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.row < b.row; });
  out.erase(std::unique(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.row == b.row; }),
            out.end());
  return out;
}

std::vector<std::size_t> RowsWithoutError(std::int64_t rows, const std::vector<RowError>& errors) {
  std::vector<std::size_t> out;
  auto error = errors.begin();
  for (std::int64_t row = 0; row < rows; ++row) {
    if (error != errors.end() && error->row == row) {
      ++error;
    } else {
      out.push_back(static_cast<std::size_t>(row));
    }
  }
  return out;
}

}  // namespace millrace
