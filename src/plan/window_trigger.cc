#include "plan/window_trigger.h"

namespace millrace {

std::string TriggerRefusal(const WindowStep& window) {
  const std::string instead = "; use tumbling, or 'emit: current' and a filter behind the window";
  const std::string only = "'trigger' is for tumbling windows; ";
  switch (window.shape) {
    case WindowShape::kTumbling:
      if (window.closing == WindowClosing::kPartition) return "";
      return "'trigger' is for windows that close by the partition; leave out 'closing: key'";
    case WindowShape::kHopping:
      return only + "hopping windows share their rows, so that none can begin anew alone" + instead;
    case WindowShape::kSliding:
      return only + "sliding windows share their rows, so that none can begin anew alone" + instead;
    case WindowShape::kSession:
      return only + "a session ends a gap after its last row" + instead;
    case WindowShape::kCount:
      return only + "a count window ends with its last row; choose a smaller 'size', or a tumbling window";
  }
  return "";
}

}  // namespace millrace
