#include "plan/source_location.h"

#include <charconv>
#include <string_view>

namespace millrace {

std::string SourceLocation::ToString() const {
  if (line == 0) return file;
  std::string text = file.empty() ? "line " + std::to_string(line) : file + ":" + std::to_string(line);
  if (column > 0) text += ":" + std::to_string(column);
  return text;
}

PlacedMessage PlaceAtCharacter(const SourceLocation& location, const std::string& message) {
  constexpr std::string_view kAtCharacter = " at character ";
  const std::size_t at = message.rfind(kAtCharacter);
  if (at == std::string::npos || location.characters == nullptr) return {location, message};
  const char* end = message.data() + message.size();
  std::size_t character = 0;
  const auto [stop, error] = std::from_chars(message.data() + at + kAtCharacter.size(), end, character);
  if (error != std::errc() || stop != end || character < 1 || character > location.characters->size())
    return {location, message};
  const auto [line, column] = (*location.characters)[character - 1];
  return {{location.file, line, column}, message.substr(0, at)};
}

}  // namespace millrace
