#include "ops/window_assigner.h"

#include "base/check.h"

namespace millrace {
namespace {

std::int64_t Modulo(std::int64_t value, std::int64_t size) {
  const std::int64_t rest = value % size;
  return rest < 0 ? rest + size : rest;
}

}  // namespace

WindowAssigner::WindowAssigner(Duration size, Duration grace, Duration offset)
    : size_ms_(size.count()), grace_ms_(grace.count()), offset_ms_(Modulo(offset.count(), size.count())) {
  MR_CHECK(size_ms_ > 0 && grace_ms_ >= 0)
      << "window of " << size_ms_ << " ms with grace " << grace_ms_ << " ms";
}

void WindowAssigner::Assign(std::span<const std::int64_t> times_ms,
                            std::span<const std::int64_t> watermarks_ms, std::span<std::int64_t> starts_ms,
                            Exceptions* exceptions) const {
  MR_CHECK(starts_ms.size() == times_ms.size() &&
           (watermarks_ms.size() == 1 || watermarks_ms.size() == times_ms.size()));
  const std::size_t watermark_step = watermarks_ms.size() == 1 ? 0 : 1;
  // Rows mostly fall into the window of the row before them: the division is made only when they do not.
  std::int64_t start = 0;
  std::int64_t end = 0;
  std::int64_t closes_at = 0;
  for (std::size_t i = 0; i < times_ms.size(); ++i) {
    const std::int64_t time = times_ms[i];
    if (time < start || time >= end) {
      if (!HasWindow(time)) {
        exceptions->no_window.push_back(static_cast<std::int32_t>(i));
        continue;
      }
      start = StartOf(time);
      end = start + size_ms_;
      closes_at = AddTime(end, grace_ms_);
    }
    starts_ms[i] = start;
    if (closes_at <= watermarks_ms[i * watermark_step])
      exceptions->late.push_back(static_cast<std::int32_t>(i));
  }
}

}  // namespace millrace
