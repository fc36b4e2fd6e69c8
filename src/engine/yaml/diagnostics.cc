#include "engine/yaml/diagnostics.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace millrace {

void Diagnostics::Add(SourceLocation location, std::string message) {
  MarkIncomplete();
  AddBeside(std::move(location), std::move(message));
}

void Diagnostics::AddBeside(SourceLocation location, std::string message) {
  entries_.push_back({std::move(location), std::move(message)});
}

Status Diagnostics::ToStatus() const {
  if (entries_.empty()) return Status::Ok();
  const auto key = [](const Entry& e) { return std::tie(e.location.line, e.location.column, e.message); };
  std::vector<Entry> sorted = entries_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const Entry& a, const Entry& b) { return key(a) < key(b); });
  sorted.erase(std::unique(sorted.begin(), sorted.end(),
                           [&](const Entry& a, const Entry& b) { return key(a) == key(b); }),
               sorted.end());
  std::string text;
  for (std::size_t i = 0; i < std::min(sorted.size(), kShown); ++i) {
    const std::string where = sorted[i].location.ToString();
    text += (i == 0 ? "" : "\n") + where + (where.empty() ? "" : ": ") + sorted[i].message;
  }
  if (sorted.size() > kShown) text += "\n... and " + std::to_string(sorted.size() - kShown) + " more errors";
  return Status::InvalidArgument(text);
}

}  // namespace millrace
