#include "expr/string_rows.h"

#include <algorithm>
#include <cstddef>

namespace millrace::expr_internal {
namespace {

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool StartsCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

/// Byte where character `count` after `begin` starts, or the end.
std::size_t Advance(std::string_view text, std::size_t begin, std::int64_t count) {
  while (begin < text.size() && count > 0) {
    ++begin;
    if (begin == text.size() || StartsCharacter(text[begin])) --count;
  }
  return begin;
}

}  // namespace

std::int64_t CountCharacters(std::string_view text) {
  return std::count_if(text.begin(), text.end(), StartsCharacter);
}

std::string_view Characters(std::string_view text, std::int64_t first, std::int64_t count) {
  if (IsAscii(text)) {
    const auto size = static_cast<std::int64_t>(text.size());
    const std::int64_t begin = std::min(first, size);
    return text.substr(static_cast<std::size_t>(begin),
                       static_cast<std::size_t>(std::min(count, size - begin)));
  }
  const std::size_t begin = Advance(text, 0, first);
  return text.substr(begin, Advance(text, begin, count) - begin);
}

}  // namespace millrace::expr_internal
