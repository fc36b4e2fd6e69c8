#include "plan/mistakes.h"

#include <algorithm>
#include <set>
#include <utility>

namespace millrace {

Status MistakesStatus(std::vector<PlacedMessage> mistakes) {
  if (mistakes.empty()) return Status::Ok();
  std::stable_sort(mistakes.begin(), mistakes.end(), [](const PlacedMessage& a, const PlacedMessage& b) {
    return std::pair(a.location.line, a.location.column) < std::pair(b.location.line, b.location.column);
  });
  std::set<std::string> lines;
  std::string text;
  for (const PlacedMessage& mistake : mistakes) {
    const std::string place = mistake.location.ToString();
    const std::string line = place + (place.empty() ? "" : ": ") + mistake.message;
    if (lines.insert(line).second && lines.size() <= kMistakesShown)
      text += (text.empty() ? "" : "\n") + line;
  }
  if (lines.size() > kMistakesShown)
    text += "\nand " + std::to_string(lines.size() - kMistakesShown) + " more mistakes";
  return Status::InvalidArgument(std::move(text));
}

}  // namespace millrace
