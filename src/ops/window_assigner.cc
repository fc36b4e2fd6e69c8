#include "ops/window_assigner.h"

#include <numeric>

#include "base/check.h"

namespace millrace {
namespace {

std::int64_t Modulo(std::int64_t value, std::int64_t size) {
  const std::int64_t rest = value % size;
  return rest < 0 ? rest + size : rest;
}

}  // namespace

WindowAssigner::WindowAssigner(const Shape& shape)
    : size_ms_(shape.size.count()),
      step_ms_(shape.step.count()),
      pane_ms_(std::gcd(size_ms_, step_ms_)),
      grace_ms_(shape.grace.count()),
      offset_in_size_(Modulo(shape.offset.count(), size_ms_)),
      offset_in_step_(Modulo(shape.offset.count(), step_ms_)),
      offset_in_pane_(Modulo(shape.offset.count(), pane_ms_)) {
  MR_CHECK(step_ms_ > 0 && step_ms_ <= size_ms_ && grace_ms_ >= 0)
      << "window of " << size_ms_ << " ms every " << step_ms_ << " ms with grace " << grace_ms_ << " ms";
}

bool WindowAssigner::HasWindow(std::int64_t time_ms) const {
  const std::int64_t since_last_start = Position(time_ms, step_ms_, offset_in_step_);
  // The first window that holds the time starts up to size - step before the last one.
  const std::int64_t before = AddTime(since_last_start, size_ms_ - step_ms_);
  return time_ms >= AddTime(kLowest, before) && time_ms <= kHighest - (size_ms_ - since_last_start);
}

std::int64_t WindowAssigner::NextEndAfter(std::int64_t time_ms) const {
  // Ends are starts plus size: the last end that is not after `time_ms`, and a step more.
  const std::int64_t shift = SubtractTime(time_ms, size_ms_);
  return AddTime(AddTime(SubtractTime(shift, Position(shift, step_ms_, offset_in_step_)), size_ms_),
                 step_ms_);
}

void WindowAssigner::Assign(std::span<const std::int64_t> times_ms,
                            std::span<const std::int64_t> watermarks_ms, std::span<std::int64_t> panes_ms,
                            Exceptions* exceptions) const {
  MR_CHECK(panes_ms.size() == times_ms.size() &&
           (watermarks_ms.size() == 1 || watermarks_ms.size() == times_ms.size()));
  const std::size_t watermark_step = watermarks_ms.size() == 1 ? 0 : 1;
  // Rows mostly fall into the pane of the row before them: the division is made only when they do not.
  std::int64_t pane = 0;
  std::int64_t end = 0;
  std::int64_t closes_at = 0;
  for (std::size_t i = 0; i < times_ms.size(); ++i) {
    const std::int64_t time = times_ms[i];
    if (time < pane || time >= end) {
      if (!HasWindow(time)) {
        exceptions->no_window.push_back(static_cast<std::int32_t>(i));
        continue;
      }
      pane = PaneOf(time);
      end = pane + pane_ms_;
      closes_at = ClosesAt(pane);
    }
    panes_ms[i] = pane;
    if (closes_at <= watermarks_ms[i * watermark_step])
      exceptions->late.push_back(static_cast<std::int32_t>(i));
  }
}

}  // namespace millrace
