#include "codec/json/base64.h"

namespace millrace::json {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int Sextet(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

}  // namespace

char* WriteBase64(std::string_view bytes, char* to) {
  const auto at = [bytes](std::size_t i) {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U;
  };
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const unsigned word = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    *to++ = kAlphabet[word >> 18];
    *to++ = kAlphabet[word >> 12 & 63];
    *to++ = i + 1 < bytes.size() ? kAlphabet[word >> 6 & 63] : '=';
    *to++ = i + 2 < bytes.size() ? kAlphabet[word & 63] : '=';
  }
  return to;
}

std::int64_t ReadBase64(std::string_view text, std::uint8_t* to) {
  if (text.size() % 4 != 0) return -1;
  const std::uint8_t* const start = to;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const int padding = last && text[i + 3] == '=' ? (text[i + 2] == '=' ? 2 : 1) : 0;
    int word = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const int sextet = static_cast<int>(k) >= 4 - padding ? 0 : Sextet(text[i + k]);
      if (sextet < 0) return -1;
      word = word << 6 | sextet;
    }
    // Bits that belong to no byte must be zero, else two texts would mean the same bytes.
    if ((padding == 1 && (word & 0xFF) != 0) || (padding == 2 && (word & 0xFFFF) != 0)) return -1;
    *to++ = static_cast<std::uint8_t>(word >> 16);
    if (padding < 2) *to++ = static_cast<std::uint8_t>(word >> 8 & 0xFF);
    if (padding < 1) *to++ = static_cast<std::uint8_t>(word & 0xFF);
  }
  return to - start;
}

}  // namespace millrace::json
