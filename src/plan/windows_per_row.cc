#include "plan/windows_per_row.h"

namespace millrace {
namespace {

std::int64_t LeastStep(std::int64_t size) { return (size - 1) / kMostWindowsPerRow + 1; }

std::string TooMany(std::int64_t size, std::int64_t step, const std::string& least_step) {
  const std::int64_t windows = step <= 0 ? 1 : (size - 1) / step + 1;
  if (windows <= kMostWindowsPerRow) return "";
  return "here these are " + std::to_string(windows) + "; choose a step of at least " + least_step +
         ", so that they are at most " + std::to_string(kMostWindowsPerRow);
}

}  // namespace

std::string TooManyWindows(const WindowStep& window) {
  if (window.shape == WindowShape::kHopping) {
    const std::int64_t size = window.size.count();
    return TooMany(size, window.step.count(), FormatDuration(Duration(LeastStep(size))));
  }
  if (window.shape != WindowShape::kCount) return "";
  return TooMany(window.count, window.count_step, std::to_string(LeastStep(window.count)));
}

std::string CurrentRefusal(const WindowStep& window) {
  if (window.emit != WindowEmit::kCurrent || window.trigger) return "";
  const std::string too_many = TooManyWindows(window);
  if (too_many.empty()) return "";
  return "'emit: current' gives a result of each window that a row is in, and " + too_many;
}

}  // namespace millrace
