#include "plan/windows_per_row.h"

#include <numeric>

#include "base/counted.h"

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

std::string CountRefusal(const WindowStep& window) {
  if (window.shape != WindowShape::kCount || window.count_step <= 0) return "";
  const std::int64_t part = std::gcd(window.count, window.count_step);
  const std::int64_t parts_per_row = window.count / part / window.count_step;
  if (parts_per_row <= kMostWindowsPerRow) return "";
  return "a result every " + Counted(window.count_step, "row") + ", each merged of " +
         std::to_string(window.count / part) + " parts, is more than " + std::to_string(kMostWindowsPerRow) +
         " parts for each row; choose a larger step, best one that divides the size";
}

std::string CurrentRefusal(const WindowStep& window) {
  if (window.emit != WindowEmit::kCurrent || window.trigger) return "";
  const std::string too_many = TooManyWindows(window);
  if (too_many.empty()) return "";
  return "'emit: current' gives a result of each window that a row is in, and " + too_many;
}

}  // namespace millrace
