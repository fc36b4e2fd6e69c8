#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace millrace {

/// Offset of the first byte that does not belong to a character of UTF-8; none when the text is valid.
std::optional<std::size_t> FirstInvalidUtf8(std::string_view text);

/// The bytes 0x80 to 0xbf: those of a character after its first. All others begin one.
inline bool IsUtf8Continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

}  // namespace millrace
