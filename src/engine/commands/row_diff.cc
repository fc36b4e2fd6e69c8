#include "engine/commands/row_diff.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace millrace {
namespace {

constexpr std::size_t kContext = 2;               // equal rows shown beside a difference
constexpr std::size_t kLargestTable = 4'000'000;  // of the search for the longest common part

using Rows = std::vector<DiffRow>;

bool Equal(const DiffRow& a, const DiffRow& b) { return a.compared == b.compared; }

struct Line {
  char mark;
  const std::string* row;
};

/// Lengths of the longest common subsequence of the rests that begin at (i, j).
class CommonLengths {
 public:
  CommonLengths(const Rows& a, const Rows& b) : width_(b.size() + 1), lengths_((a.size() + 1) * width_, 0) {
    for (std::size_t i = a.size(); i-- > 0;) {
      for (std::size_t j = b.size(); j-- > 0;) {
        lengths_[i * width_ + j] =
            Equal(a[i], b[j]) ? At(i + 1, j + 1) + 1 : std::max(At(i + 1, j), At(i, j + 1));
      }
    }
  }
  std::uint32_t At(std::size_t i, std::size_t j) const { return lengths_[i * width_ + j]; }

 private:
  const std::size_t width_;
  std::vector<std::uint32_t> lengths_;
};

std::vector<Line> Lines(const Rows& expected, const Rows& got) {
  std::vector<Line> lines;
  std::size_t i = 0;
  std::size_t j = 0;
  if ((expected.size() + 1) * (got.size() + 1) <= kLargestTable) {
    const CommonLengths common(expected, got);
    while (i < expected.size() && j < got.size()) {
      if (Equal(expected[i], got[j])) {
        lines.push_back({' ', &expected[i].shown});
        ++i, ++j;
      } else if (common.At(i + 1, j) >= common.At(i, j + 1)) {
        lines.push_back({'-', &expected[i++].shown});
      } else {
        lines.push_back({'+', &got[j++].shown});
      }
    }
  }
  for (; i < expected.size(); ++i) lines.push_back({'-', &expected[i].shown});
  for (; j < got.size(); ++j) lines.push_back({'+', &got[j].shown});
  return lines;
}

}  // namespace

std::string DiffOfRows(const std::vector<DiffRow>& expected, const std::vector<DiffRow>& got,
                       std::string_view indent, bool colour) {
  if (std::equal(expected.begin(), expected.end(), got.begin(), got.end(), Equal)) return "";
  const std::vector<Line> lines = Lines(expected, got);
  std::vector<bool> shown(lines.size(), false);
  for (std::size_t at = 0; at < lines.size(); ++at) {
    if (lines[at].mark == ' ') continue;
    const std::size_t end = std::min(lines.size(), at + kContext + 1);
    for (std::size_t k = at - std::min(at, kContext); k < end; ++k) shown[k] = true;
  }
  std::string out;
  for (std::size_t at = 0; at < lines.size(); ++at) {
    const auto [mark, row] = lines[at];
    if (!shown[at]) {
      if (at == 0 || shown[at - 1]) out += std::string(indent) + "  ...\n";
      continue;
    }
    const char* begin = !colour || mark == ' ' ? "" : (mark == '-' ? "\x1b[31m" : "\x1b[32m");
    out += std::string(indent) + begin + mark + " " + *row + (*begin == '\0' ? "" : "\x1b[0m") + "\n";
  }
  return out;
}

}  // namespace millrace
