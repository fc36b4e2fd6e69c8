#include "codec/json/json_writer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "codec/json/base64.h"
#include "codec/json/json_number.h"
#include "codec/json/json_string.h"
#include "codec/json/json_time.h"

namespace millrace::json {
namespace {

/// The eight decimal digits of `value` (below 10^8) as bytes 0..9, the first digit in the lowest byte.
std::uint64_t EightDigits(std::uint64_t value) {
  const std::uint64_t fours = value / 10000 | (value % 10000) << 32;
  const std::uint64_t hundreds = (fours * 10486 >> 20) & 0x7F0000007FULL;
  const std::uint64_t pairs = hundreds | (fours - hundreds * 100) << 16;
  const std::uint64_t tens = (pairs * 103 >> 10) & 0x000F000F000F000FULL;
  return tens | (pairs - tens * 10) << 8;
}

constexpr std::uint64_t kAsciiZeros = 0x3030303030303030ULL;

/// Writes all eight digits of `value` (below 10^8). Returns the end.
char* PutEight(std::uint64_t value, char* to) {
  const std::uint64_t text = EightDigits(value) | kAsciiZeros;
  std::memcpy(to, &text, 8);
  return to + 8;
}

/// Writes `value` (below 10^8) without leading zeros; 8 bytes may be written. Returns the end.
char* PutLeading(std::uint64_t value, char* to) {
  const std::uint64_t digits = EightDigits(value);
  const int zeros = std::countr_zero(digits | 1ULL << 56) / 8;
  const std::uint64_t text = (digits | kAsciiZeros) >> (8 * zeros);
  std::memcpy(to, &text, 8);
  return to + 8 - zeros;
}

/// Writes `value` in decimal; 24 bytes may be written. Returns the end.
char* PutUint(std::uint64_t value, char* to) {
  constexpr std::uint64_t kEight = 100'000'000;
  if (value < kEight) return PutLeading(value, to);
  if (value < kEight * kEight) return PutEight(value % kEight, PutLeading(value / kEight, to));
  const std::uint64_t low = value % (kEight * kEight);
  return PutEight(low % kEight, PutEight(low / kEight, PutLeading(value / (kEight * kEight), to)));
}

/// Writes a double of at most 15 digits of which at most 6 are decimals. A decimal of up to 15 digits is the
/// only one that reads back to its double, so these digits are the shortest. Returns null for all others; 40
/// bytes may be written.
char* PutShortFloat(double value, char* to) {
  const double magnitude = std::fabs(value);
  if (!(magnitude < 1e9) || (magnitude == 0 && std::signbit(value))) return nullptr;
  const auto digits = static_cast<std::int64_t>(magnitude * 1e6 + 0.5);
  if (static_cast<double>(digits) / 1e6 != magnitude) return nullptr;
  *to = '-';
  to = PutUint(static_cast<std::uint64_t>(digits / 1'000'000), to + (value < 0 ? 1 : 0));
  const std::int64_t fraction = digits % 1'000'000;
  if (fraction == 0) return to;
  // As eight digits after the point: the last two are zero, and the trailing zeros are the highest bytes.
  const std::uint64_t decimals = EightDigits(static_cast<std::uint64_t>(fraction) * 100);
  const std::uint64_t text = decimals | kAsciiZeros;
  *to++ = '.';
  std::memcpy(to, &text, 8);
  return to + 8 - std::countl_zero(decimals) / 8;
}

/// What stands for each byte in a string: 0 itself, 'u' a \u00XX escape, else the letter after the backslash.
constexpr std::array<char, 256> MakeEscapes() {
  std::array<char, 256> escapes{};
  for (std::size_t i = 0; i < 0x20; ++i) escapes[i] = 'u';
  escapes['\b'] = 'b';
  escapes['\f'] = 'f';
  escapes['\n'] = 'n';
  escapes['\r'] = 'r';
  escapes['\t'] = 't';
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  return escapes;
}
constexpr std::array<char, 256> kEscapes = MakeEscapes();

}  // namespace

void Writer::Grow(std::int64_t bytes) {
  const auto used = static_cast<std::size_t>(size());
  out_->resize(std::max<std::size_t>(out_->size() * 2, used + static_cast<std::size_t>(bytes) + 4096));
  at_ = out_->data() + used;
  limit_ = out_->data() + out_->size();
}

void Writer::Raw(std::string_view text) {
  std::memcpy(Room(static_cast<std::int64_t>(text.size())), text.data(), text.size());
  at_ += text.size();
}

void Writer::Constant(const PaddedText& text) {
  char* to = Room(static_cast<std::int64_t>(text.size) + 16);
  for (std::size_t i = 0; i < text.size; i += 16) std::memcpy(to + i, text.padded.data() + i, 16);
  at_ = to + text.size;
}

void Writer::Int(std::int64_t value) {
  char* to = Room(32);
  auto magnitude = static_cast<std::uint64_t>(value);
  if (value < 0) {
    *to++ = '-';
    magnitude = 0 - magnitude;
  }
  at_ = PutUint(magnitude, to);
}

void Writer::Uint(std::uint64_t value) { at_ = PutUint(value, Room(32)); }

void Writer::Float(double value) {
  char* to = Room(40);
  if (char* end = PutShortFloat(value, to); end != nullptr) {
    at_ = end;
  } else if (!std::isfinite(value)) {
    Raw("null");
  } else if (std::fabs(value) < 1e15 && std::trunc(value) == value && value != 0) {
    Int(static_cast<std::int64_t>(value));
  } else {
    at_ = std::to_chars(to, to + 32, value).ptr;
  }
}

void Writer::Float(float value) {
  char* to = Room(32);
  if (!std::isfinite(value)) {
    Raw("null");
  } else if (std::fabs(value) < 1e7F && std::trunc(value) == value && value != 0) {
    Int(static_cast<std::int64_t>(value));
  } else {
    at_ = std::to_chars(to, to + 32, value).ptr;
  }
}

void Writer::String(std::string_view text) {
  char* to = Room(static_cast<std::int64_t>(text.size()) + 40);
  *to++ = '"';
  const char* p = text.data();
  const char* end = p + text.size();
#ifdef __SSE2__
  // Copies 16 bytes at a time while none needs an escape. Bytes above 127 need none, hence the unsigned
  // comparison.
  for (; end - p >= 16; p += 16, to += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1F)), block);
    const __m128i marks = _mm_or_si128(low, _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')),
                                                         _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))));
    if (_mm_movemask_epi8(marks) != 0) break;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), block);
  }
#endif
  while (p < end && kEscapes[static_cast<unsigned char>(*p)] == 0) *to++ = *p++;
  at_ = to;
  if (p < end) Escaped({p, static_cast<std::size_t>(end - p)});
  Byte('"');
}

/// The rest of a string from its first byte that needs an escape on.
void Writer::Escaped(std::string_view text) {
  char* to = Room(static_cast<std::int64_t>(text.size()) * 6 + 1);
  constexpr char kHex[] = "0123456789abcdef";
  for (const char c : text) {
    const char escape = kEscapes[static_cast<unsigned char>(c)];
    if (escape == 0) {
      *to++ = c;
      continue;
    }
    *to++ = '\\';
    *to++ = escape;
    if (escape != 'u') continue;
    *to++ = '0';
    *to++ = '0';
    *to++ = kHex[static_cast<unsigned char>(c) >> 4];
    *to++ = kHex[c & 15];
  }
  at_ = to;
}

void Writer::Base64(std::string_view bytes) {
  char* to = Room(static_cast<std::int64_t>(Base64Size(bytes.size())) + 2);
  *to++ = '"';
  to = WriteBase64(bytes, to);
  *to++ = '"';
  at_ = to;
}

void Writer::Date(std::int64_t days) {
  char* to = Room(kMaxDateBytes + 2);
  *to++ = '"';
  to = WriteDate(days, to);
  *to++ = '"';
  at_ = to;
}

void Writer::Timestamp(std::int64_t units, std::int64_t units_per_second) {
  char* to = Room(kMaxTimestampBytes + 2);
  *to++ = '"';
  to = WriteRfc3339(units, units_per_second, to);
  *to++ = '"';
  at_ = to;
}

void Writer::Decimal(const void* value, int scale) {
  Byte('"');
  DecimalText(value, scale);
  Byte('"');
}

void Writer::DecimalText(const void* value, int scale) {
  __int128 number = 0;
  std::memcpy(&number, value, sizeof(number));
  const bool negative = number < 0;
  auto magnitude = static_cast<unsigned __int128>(number);
  if (negative) magnitude = 0 - magnitude;
  char digits[96];
  char* const end = digits + sizeof(digits);
  char* p = end;
  for (int written = 0; magnitude > 0 || written <= scale; ++written, magnitude /= 10) {
    if (written == scale && scale > 0) *--p = '.';
    *--p = static_cast<char>('0' + static_cast<int>(magnitude % 10));
  }
  if (negative) *--p = '-';
  Raw({p, static_cast<std::size_t>(end - p)});
}

}  // namespace millrace::json
