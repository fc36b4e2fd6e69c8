#include "plan/window_trigger.h"

#include "plan/windows_per_row.h"

namespace millrace {

std::string TriggerRefusal(const WindowStep& window) {
  switch (window.shape) {
    case WindowShape::kTumbling:
    case WindowShape::kSession:
      return "";
    case WindowShape::kHopping:
    case WindowShape::kCount: {
      const std::string too_many = TooManyWindows(window);
      return too_many.empty() ? ""
                              : "'trigger' adds a row to each of its windows for itself, and " + too_many;
    }
    case WindowShape::kSliding:
      return "'trigger' is not for sliding windows: each event time has one of its own with the rows before "
             "it "
             "already in it, so none begins anew; use 'emit: current' and a filter behind the window, or "
             "hopping";
  }
  return "";
}

}  // namespace millrace
