#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace millrace::json {

/// Bytes that `size` bytes make in base64 (RFC 4648, padded).
constexpr std::size_t Base64Size(std::size_t size) { return (size + 2) / 3 * 4; }

/// Writes `bytes` as padded base64 to `to`. Returns the end.
char* WriteBase64(std::string_view bytes, char* to);

/// Reads padded base64 of the standard alphabet into `to`, which has room for 3 bytes per 4 of `text`.
/// Returns the number of bytes, or -1 when it is no base64.
std::int64_t ReadBase64(std::string_view text, std::uint8_t* to);

}  // namespace millrace::json
