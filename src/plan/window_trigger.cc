#include "plan/window_trigger.h"

#include <cstdint>

namespace millrace {
namespace {

/// Why a row that is in so many windows is too much: each is an aggregate of its own. `step`: the least that
/// is not.
std::string TooMany(std::int64_t size, std::int64_t step, const std::string& least_step) {
  const std::int64_t windows = step <= 0 ? 1 : (size - 1) / step + 1;
  if (windows <= kMostTriggeredWindows) return "";
  return "'trigger' adds a row to each of its windows for itself, and here these are " +
         std::to_string(windows) + "; choose a step of at least " + least_step +
         ", so that they are at most " + std::to_string(kMostTriggeredWindows);
}

std::int64_t LeastStep(std::int64_t size) { return (size - 1) / kMostTriggeredWindows + 1; }

}  // namespace

std::string TriggerRefusal(const WindowStep& window) {
  switch (window.shape) {
    case WindowShape::kTumbling:
    case WindowShape::kSession:
      return "";
    case WindowShape::kHopping: {
      const std::int64_t size = window.size.count();
      return TooMany(size, window.step.count(), FormatDuration(Duration(LeastStep(size))));
    }
    case WindowShape::kCount:
      return TooMany(window.count, window.count_step, std::to_string(LeastStep(window.count)));
    case WindowShape::kSliding:
      return "'trigger' is not for sliding windows: each event time has one of its own with the rows before "
             "it "
             "already in it, so none begins anew; use 'emit: current' and a filter behind the window, or "
             "hopping";
  }
  return "";
}

}  // namespace millrace
