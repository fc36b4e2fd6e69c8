#include "ops/row_panes.h"

#include <span>

#include <arrow/api.h>

#include "ops/keyed_rows.h"
#include "ops/watermark_before.h"

namespace millrace {

Status RowPanes::Assign(Batch* batch, Output& output) {
  const auto rows = static_cast<std::size_t>(batch->num_rows());
  panes_ms_.resize(rows);
  if (rows == 0) return Status::Ok();
  const bool judged = late_ == Late::kByWatermark;
  const std::int64_t one = judged ? batch->watermark.value() : kNoWatermark.value();
  const std::span<const std::int64_t> watermarks =
      judged && batch->watermark_before != nullptr ? std::span(batch->watermark_before->raw_values(), rows)
                                                   : std::span(&one, 1);
  WindowAssigner::Exceptions exceptions;
  assigner_.Assign({batch->event_time->raw_values(), rows}, watermarks, panes_ms_, &exceptions);
  if (exceptions.empty()) return Status::Ok();
  MR_RETURN_IF_ERROR(TakeOut(exceptions, batch, output));
  return Assign(batch, output);
}

Status RowPanes::TakeOut(const WindowAssigner::Exceptions& exceptions, Batch* batch, Output& output) const {
  if (exceptions.late.empty()) {
    return TakeOutWithoutWindow(exceptions.no_window, Duration(assigner_.size_ms()), batch, output);
  }
  std::vector<std::int64_t> late_by_ms;
  late_by_ms.reserve(exceptions.late.size());
  for (const std::int32_t row : exceptions.late) {
    late_by_ms.push_back(SubtractTime(WatermarkBefore(*batch, row),
                                      assigner_.ClosesAt(panes_ms_[static_cast<std::size_t>(row)])));
  }
  return TakeOutLate(exceptions.late, std::move(late_by_ms), batch, output);
}

}  // namespace millrace
