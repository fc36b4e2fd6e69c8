#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace millrace::json {

/// What is wrong with a string.
enum class StringFault { kNone, kUnterminated, kControlCharacter, kEscape, kSurrogate, kUtf8 };

/// "a lone surrogate in a \u escape", for the message.
std::string_view StringFaultText(StringFault fault);

/// The raw content of a string: the bytes between its quotes.
struct RawString {
  const char* begin = nullptr;
  const char* close = nullptr;  ///< the closing quote; null when there is a fault
  bool escaped = false;         ///< contains a backslash
  StringFault fault = StringFault::kNone;

  std::string_view view() const { return {begin, static_cast<std::size_t>(close - begin)}; }
};

/// Finds the end of the string whose first byte after the quote is `p`, and checks its UTF-8. Escapes are not
/// checked.
RawString ScanString(const char* p, const char* end);

/// Writes what the escapes of `raw` mean to `to`, which has room for raw.size() bytes. Returns the number of
/// bytes.
/// `*fault` is kNone, kEscape or kSurrogate.
std::int64_t Unescape(std::string_view raw, char* to, StringFault* fault);

/// The first escape is not checked by ScanString: kNone when all escapes of `raw` are right.
StringFault CheckEscapes(std::string_view raw);

bool IsUtf8(std::string_view bytes);

#ifdef __SSE2__
/// Bit i is set when byte i of the 16 at `p` ends a plain run: quote, backslash, control character or not
/// ASCII.
inline unsigned SpecialBytes(__m128i block) {
  const __m128i quote = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
  const __m128i backslash = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
  // Signed: also true for bytes above 127.
  const __m128i low = _mm_cmplt_epi8(block, _mm_set1_epi8(0x20));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), low)));
}
#endif

/// Copies the string at `p` to `to` when it is plain ASCII without escapes. Returns its closing quote, or
/// null when it is anything else. Reads and writes up to 16 bytes beyond the string.
inline const char* CopyPlainString(const char* p, const char* end, std::uint8_t* to) {
#ifdef __SSE2__
  for (; p < end; p += 16, to += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), block);
    const unsigned special = SpecialBytes(block);
    if (special == 0) continue;
    p += std::countr_zero(special);
    return p < end && *p == '"' ? p : nullptr;
  }
#else
  for (; p < end; ++p, ++to) {
    const auto c = static_cast<unsigned char>(*p);
    if (c == '"') return p;
    if (c == '\\' || c < 0x20 || c > 0x7F) return nullptr;
    *to = c;
  }
#endif
  return nullptr;
}

/// The first byte at or after `p` that ends a plain run (see CopyPlainString), or `end`. Reads up to 16 bytes
/// beyond.
inline const char* SkipPlain(const char* p, const char* end) {
#ifdef __SSE2__
  for (; p < end; p += 16) {
    const unsigned special = SpecialBytes(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    if (special == 0) continue;
    p += std::countr_zero(special);
    return p < end ? p : end;
  }
  return end;
#else
  for (; p < end; ++p) {
    const auto c = static_cast<unsigned char>(*p);
    if (c == '"' || c == '\\' || c < 0x20 || c > 0x7F) return p;
  }
  return end;
#endif
}

}  // namespace millrace::json
