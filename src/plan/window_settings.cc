#include "plan/window_settings.h"

namespace millrace {
namespace {

using Mistakes = std::vector<std::string>;

void CheckHopping(const WindowStep& window, Mistakes* out) {
  if (window.size <= Duration(0)) out->emplace_back("'size' of 'hopping' must be longer than 0");
  if (window.step <= Duration(0) || window.step > window.size) {
    out->push_back("'step' of 'hopping' must be longer than 0 and at most its size " +
                   FormatDuration(window.size) + ", not " + FormatDuration(window.step));
  }
}

/// A window of one length that begins with a row.
void CheckUnaligned(const WindowStep& window, const std::string& shape, Mistakes* out) {
  if (window.size <= Duration(0)) out->push_back("'" + shape + "' must be longer than 0");
  if (window.offset != Duration(0)) out->push_back("'offset' has no meaning for " + shape + " windows");
}

void CheckCount(const WindowStep& window, Mistakes* out) {
  if (window.count < 1) out->emplace_back("'size' of 'count' must be at least 1");
  if (window.count_step < 1 || window.count_step > window.count) {
    out->push_back("'step' of 'count' must be from 1 to its size " + std::to_string(window.count) + ", not " +
                   std::to_string(window.count_step));
  }
  const bool timed = window.grace != Duration(0) || window.offset != Duration(0) ||
                     !window.late_topic.empty() || window.late_to_dead_letters;
  if (timed) out->emplace_back("'grace', 'offset' and 'late' have no meaning for count windows");
}

void CheckShape(const WindowStep& window, Mistakes* out) {
  switch (window.shape) {
    case WindowShape::kTumbling:
      if (window.size <= Duration(0)) out->emplace_back("'tumbling' must be longer than 0");
      return;
    case WindowShape::kHopping:
      return CheckHopping(window, out);
    case WindowShape::kSliding:
      return CheckUnaligned(window, "sliding", out);
    case WindowShape::kSession:
      return CheckUnaligned(window, "session", out);
    case WindowShape::kCount:
      return CheckCount(window, out);
  }
}

}  // namespace

std::vector<std::string> WindowSettingMistakes(const WindowStep& window) {
  Mistakes mistakes;
  CheckShape(window, &mistakes);
  const bool by_key = window.shape != WindowShape::kSliding && window.shape != WindowShape::kCount;
  if (window.closing == WindowClosing::kKey && !by_key) {
    mistakes.emplace_back(
        "'closing: key' is for tumbling, hopping and session windows; leave it out or write 'partition'");
  }
  if (window.grace < Duration(0)) mistakes.emplace_back("'grace' must not be negative");
  return mistakes;
}

}  // namespace millrace
