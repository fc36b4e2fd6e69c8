#include "codec/json/json_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "codec/json/base64.h"
#include "codec/json/json_number.h"
#include "codec/json/json_string.h"
#include "codec/json/json_time.h"

namespace millrace::json {
namespace {

constexpr char kDigitPairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051"
    "525354555657"
    "5859606162636465666768697071727374757677787980818283848586878889909192939495969798"
    "99";

/// Writes `value` in decimal to `to` (20 bytes). Returns the end.
char* PutUint(std::uint64_t value, char* to) {
  char digits[20];
  char* p = digits + sizeof(digits);
  while (value >= 100) {
    p -= 2;
    std::memcpy(p, kDigitPairs + value % 100 * 2, 2);
    value /= 100;
  }
  if (value >= 10) {
    p -= 2;
    std::memcpy(p, kDigitPairs + value * 2, 2);
  } else {
    *--p = static_cast<char>('0' + value);
  }
  const auto size = static_cast<std::size_t>(digits + sizeof(digits) - p);
  std::memcpy(to, p, size);
  return to + size;
}

/// Writes a double of at most 15 digits, at most 4 of them decimals. A decimal of that length is the only one
/// of its length or shorter that reads back to its double, so these digits are the shortest. Returns null for
/// all others.
char* PutShortFloat(double value, char* to) {
  const double magnitude = std::fabs(value);
  if (!(magnitude < 1e11) || (magnitude == 0 && std::signbit(value))) return nullptr;
  for (int decimals = 0; decimals <= 4; decimals += 2) {
    const double scaled = magnitude * kExactPowersOfTen[decimals];
    const auto digits = static_cast<std::int64_t>(scaled + 0.5);
    if (static_cast<double>(digits) / kExactPowersOfTen[decimals] != magnitude) continue;
    if (value < 0) *to++ = '-';
    const auto unit = static_cast<std::int64_t>(kPowersOfTen[decimals]);
    to = PutUint(static_cast<std::uint64_t>(digits / unit), to);
    std::int64_t fraction = digits % unit;
    if (fraction == 0) return to;
    *to++ = '.';
    for (int i = decimals - 1; i >= 0; --i, fraction /= 10) to[i] = static_cast<char>('0' + fraction % 10);
    to += decimals;
    while (to[-1] == '0') --to;
    return to;
  }
  return nullptr;
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

void Writer::Int(std::int64_t value) {
  char* to = Room(24);
  auto magnitude = static_cast<std::uint64_t>(value);
  if (value < 0) {
    *to++ = '-';
    magnitude = 0 - magnitude;
  }
  at_ = PutUint(magnitude, to);
}

void Writer::Uint(std::uint64_t value) { at_ = PutUint(value, Room(24)); }

void Writer::Float(double value) {
  char* to = Room(32);
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
