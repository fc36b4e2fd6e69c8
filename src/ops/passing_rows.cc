#include "ops/passing_rows.h"

#include <algorithm>

#include <arrow/api.h>

#include "columnar/arrow_status.h"

namespace millrace {

Status EmitPassing(Batch batch, const std::vector<std::uint8_t>& passes, KeyBuffer* keys, Output& output) {
  const auto passing =
      batch.num_rows() - static_cast<std::int64_t>(std::count(passes.begin(), passes.end(), 0));
  output.CountAbsorbed(batch.num_rows() - passing);
  if (passing == 0) return Status::Ok();
  batch.key = std::move(*keys).ToBinaryArray();
  if (passing == batch.num_rows()) return output.Emit(std::move(batch));
  arrow::BooleanBuilder mask;
  MR_RETURN_IF_ARROW_ERROR(mask.AppendValues(passes.data(), batch.num_rows()));
  std::shared_ptr<arrow::BooleanArray> keep;
  MR_RETURN_IF_ARROW_ERROR(mask.Finish(&keep));
  MR_ASSIGN_OR_RETURN(Batch passed, FilterBatch(batch, *keep));
  return output.Emit(std::move(passed));
}

}  // namespace millrace
