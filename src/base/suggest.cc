#include "base/suggest.h"

#include <algorithm>
#include <cctype>
#include <vector>

namespace millrace {
namespace {

/// Edit distance with transpositions; a difference of case alone costs nothing.
std::size_t Distance(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string DidYouMean(std::string_view word, std::span<const std::string> candidates) {
  constexpr std::size_t kLongestWord = 128;
  constexpr std::size_t kShown = 8;
  if (candidates.empty()) return "";
  const std::string* best = nullptr;
  std::size_t best_distance = word.size() / 3 + 1;
  for (const std::string& candidate : candidates) {
    if (word.size() > kLongestWord || candidate.size() > kLongestWord) continue;
    if (const std::size_t distance = Distance(word, candidate);
        distance <= best_distance && (best == nullptr || distance < best_distance)) {
      best = &candidate;
      best_distance = distance;
    }
  }
  if (best != nullptr) return " (did you mean '" + *best + "'?)";
  std::string out = " (there is: ";
  for (std::size_t i = 0; i < std::min(kShown, candidates.size()); ++i)
    out += (i > 0 ? ", " : "") + candidates[i];
  return out + (candidates.size() > kShown ? ", ...)" : ")");
}

}  // namespace millrace
