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

}  // namespace millrace
