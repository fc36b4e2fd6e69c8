#pragma once

#include <cstddef>
#include <string_view>

namespace millrace::expr_internal {

/// Length of what Sha256Hex writes.
inline constexpr std::size_t kSha256HexSize = 64;

/// Bytes behind a text that Sha256HexInPlace overwrites.
inline constexpr std::size_t kSha256Padding = 72;

/// Writes the SHA-256 of the bytes to `out` as 64 lower-case hexadecimal digits. Cannot fail; allocates
/// nothing; thread-safe.
void Sha256Hex(std::string_view text, char* out);

/// The same of text[0, size), with the padding that the hash needs written behind it: no copy of the text.
void Sha256HexInPlace(char* text, std::size_t size, char* out);

}  // namespace millrace::expr_internal
