#include "ops/late_rows.h"

#include <arrow/api.h>

#include "ops/keyed_rows.h"
#include "ops/window_assigner.h"

namespace millrace {

Status RemoveLateRows(Duration span, Batch* batch, Output& output) {
  const std::int64_t* const times = batch->event_time->raw_values();
  const std::int64_t watermark = batch->watermark.value();
  const std::int64_t* const watermarks =
      batch->watermark_before == nullptr ? nullptr : batch->watermark_before->raw_values();
  std::vector<std::int32_t> late;
  std::vector<std::int64_t> late_by_ms;
  for (std::int64_t i = 0; i < batch->num_rows(); ++i) {
    const std::int64_t before = watermarks == nullptr ? watermark : watermarks[i];
    const std::int64_t ends = AddTime(times[i], span.count());
    if (ends > before) continue;
    late.push_back(static_cast<std::int32_t>(i));
    late_by_ms.push_back(SubtractTime(before, ends));
  }
  if (late.empty()) return Status::Ok();
  return TakeOutLate(late, std::move(late_by_ms), batch, output);
}

}  // namespace millrace
