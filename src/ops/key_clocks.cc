#include "ops/key_clocks.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <arrow/api.h>

#include "ops/watermark_before.h"

namespace millrace {

Status KeyClocks::Judge(const Batch& batch, const KeyBuffer& keys, std::span<const std::int64_t> panes_ms,
                        std::optional<std::int64_t> closed_until_ms) {
  judgement_.late.clear();
  judgement_.late_by_ms.clear();
  judgement_.closings.clear();
  judgement_.cuts.clear();
  judgement_.closed_until_ms.clear();
  moved_.clear();
  ++part_;
  cuts_ = closed_until_ms.has_value() && assigner_.overlapping();
  part_closed_until_ms_ = closed_until_ms.value_or(kLowest);
  MR_RETURN_IF_ERROR(clocks_.FindOrAdd(*table_, ClockedRows::kClocks, keys));
  // Rows mostly fall into the pane of the row before them.
  std::int64_t pane = 0;
  std::optional<std::int64_t> closes_at;
  for (std::size_t row = 0; row < panes_ms.size(); ++row) {
    if (!closes_at || panes_ms[row] != pane) {
      pane = panes_ms[row];
      closes_at = assigner_.ClosesAt(pane);
    }
    JudgeRow(batch, row, pane, *closes_at);
  }
  EraseUnset();
  table_->MarkDirty(moved_);
  return Status::Ok();
}

void KeyClocks::JudgeRow(const Batch& batch, std::size_t row, std::int64_t pane_ms,
                         std::int64_t closes_at_ms) {
  const auto at = static_cast<std::int64_t>(row);
  const std::int64_t watermark = WatermarkBefore(batch, at);
  const std::int64_t clock = rows_.clock_ms(clocks_[row]);
  const std::int64_t effective = clock == ClockedRows::kNoClock ? watermark : std::max(watermark, clock);
  if (closes_at_ms <= effective) {
    judgement_.late.push_back(static_cast<std::int32_t>(row));
    judgement_.late_by_ms.push_back(SubtractTime(effective, closes_at_ms));
    return;
  }
  Keep({.number = static_cast<std::int64_t>(judgement_.closed_until_ms.size()),
        .pane_ms = pane_ms,
        .time_ms = batch.event_time->Value(at),
        .watermark_ms = watermark,
        .effective_ms = effective,
        .clock = clocks_[row]});
}

void KeyClocks::Keep(const Row& row) {
  judgement_.closed_until_ms.push_back(SubtractTime(row.effective_ms, assigner_.grace_ms()));
  if (cuts_ && NeedsCut(row)) {
    judgement_.cuts.push_back({row.number, row.watermark_ms});
    ++part_;
    part_closed_until_ms_ =
        std::max(part_closed_until_ms_, SubtractTime(row.watermark_ms, assigner_.grace_ms()));
  }
  Move(row);
}

bool KeyClocks::NeedsCut(const Row& row) const {
  const std::int64_t closed = SubtractTime(row.effective_ms, assigner_.grace_ms());
  if (closed <= row.pane_ms || assigner_.FirstEndOf(row.pane_ms) > closed) return false;
  if (rows_.mark(row.clock) == part_) return true;  // its key closed some
  const std::int64_t closed_for_all = SubtractTime(row.watermark_ms, assigner_.grace_ms());
  return closed_for_all > part_closed_until_ms_ &&
         (part_closed_until_ms_ == kLowest ||
          assigner_.NextEndAfter(part_closed_until_ms_) <= closed_for_all);
}

void KeyClocks::Move(const Row& row) {
  const std::int64_t clock = rows_.clock_ms(row.clock);
  if (clock != ClockedRows::kNoClock) {
    if (row.time_ms <= clock) return;
    const std::int64_t closed = SubtractTime(row.time_ms, assigner_.grace_ms());
    if (!has_last_end_ || closed < last_end_ms_ ||
        SubtractTime(closed, last_end_ms_) >= assigner_.step_ms()) {
      last_end_ms_ = SubtractTime(assigner_.NextEndAfter(closed), assigner_.step_ms());
      has_last_end_ = true;
    }
    if (SubtractTime(clock, assigner_.grace_ms()) < last_end_ms_) {
      judgement_.closings.push_back({row.number, clock, row.time_ms, row.watermark_ms});
      rows_.set_mark(row.clock, part_);
    }
  }
  rows_.set_clock(row.clock, row.time_ms);
  moved_.push_back(row.clock);
}

void KeyClocks::EraseUnset() {
  std::vector<std::uint32_t> unset;  // a key may have several late rows
  for (const std::int32_t row : judgement_.late) {
    const std::uint32_t slot = clocks_[static_cast<std::size_t>(row)];
    if (rows_.clock_ms(slot) == ClockedRows::kNoClock) unset.push_back(slot);
  }
  std::sort(unset.begin(), unset.end());
  unset.erase(std::unique(unset.begin(), unset.end()), unset.end());
  for (const std::uint32_t slot : unset) table_->Erase(slot);
}

Result<std::int64_t> KeyClocks::Of(std::string_view key) {
  std::int64_t clock = kLowest;
  MR_RETURN_IF_ERROR(table_->Peek(ClockedRows::kClocks, key, [&](std::string_view, std::uint32_t slot) {
    clock = rows_.clock_ms(slot);
    return Status::Ok();
  }));
  return clock;
}

Status KeyClocks::Drop(const KeyBuffer& keys, std::int64_t before_ms) {
  if (keys.num_rows() == 0) return Status::Ok();
  dropped_.Clear();
  MR_RETURN_IF_ERROR(found_.Find(*table_, ClockedRows::kClocks, keys));
  for (std::size_t i = 0; i < found_.size(); ++i) {
    if (found_[i] == KeyedTable::kNoSlot) continue;
    if (rows_.clock_ms(found_[i]) < before_ms) dropped_.Add(ClockedRows::kClocks, keys[i]);
  }
  return dropped_.EraseFrom(*table_);
}

}  // namespace millrace
