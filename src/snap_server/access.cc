#include "snap_server/access.h"

#include <algorithm>
#include <utility>

namespace millrace::snap {

Access::Access(std::vector<std::string> lasting_tokens, const Clock& clock)
    : lasting_tokens_(std::move(lasting_tokens)), clock_(clock) {}

Access::Standing Access::Of(const std::string& token) const {
  if (std::find(lasting_tokens_.begin(), lasting_tokens_.end(), token) != lasting_tokens_.end()) {
    return Standing::kGood;
  }
  const auto found = ends_.find(token);
  if (found == ends_.end()) return Standing::kUnknown;
  return clock_.Now() < found->second ? Standing::kGood : Standing::kExpired;
}

void Access::Add(const std::string& token, Duration life) {
  if (ends_.size() >= kMaxTokens) {
    ends_.erase(std::min_element(ends_.begin(), ends_.end(),
                                 [](const auto& a, const auto& b) { return a.second < b.second; }));
  }
  ends_[token] = EventTime(clock_.Now().value() + life.count());
}

}  // namespace millrace::snap
