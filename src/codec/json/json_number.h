#pragma once

#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>

#ifdef __SSE4_1__
#include <smmintrin.h>
#endif

namespace millrace::json {

static_assert(std::endian::native == std::endian::little, "digit runs are read as little-endian words");

/// Up to eight leading decimal digits of a text.
struct DigitRun {
  std::uint64_t value = 0;
  int count = 0;  ///< 0..8
};

/// 10^0 .. 10^8.
inline constexpr std::uint64_t kPowersOfTen[] = {1,      10,      100,      1000,     10000,
                                                 100000, 1000000, 10000000, 100000000};
/// 10^0 .. 10^22: every power of ten that a double holds exactly.
inline constexpr double kExactPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                               1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                               1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/// Reads the digits at `p` eight at a time, without a branch per digit. Reads 8 bytes.
inline DigitRun ReadDigits(const char* p) {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof(word));
  word ^= 0x3030303030303030ULL;
  // The high bit marks bytes above 9; a carry runs only towards later characters, so the first mark is right.
  const std::uint64_t others = ((word + 0x7676767676767676ULL) | word) & 0x8080808080808080ULL;
  const int count = others == 0 ? 8 : std::countr_zero(others) / 8;
  if (count == 0) return {};
  word <<= 8 * (8 - count);
  word = word * 10 + (word >> 8);
  constexpr std::uint64_t kMask = 0x000000FF000000FFULL;
  const std::uint64_t low = (word & kMask) * (100 + (1000000ULL << 32));
  const std::uint64_t high = ((word >> 16) & kMask) * (1 + (10000ULL << 32));
  return {(low + high) >> 32, count};
}

/// ReadInt64 by runs of eight digits: any length, any machine.
inline const char* ReadInt64ByRuns(const char* p, std::int64_t* out) {
  const bool negative = *p == '-';
  p += negative ? 1 : 0;
  DigitRun run = ReadDigits(p);
  if (run.count == 0 || (*p == '0' && run.count > 1)) return nullptr;
  std::uint64_t value = run.value;
  p += run.count;
  if (run.count == 8) {
    run = ReadDigits(p);
    value = value * kPowersOfTen[run.count] + run.value;
    p += run.count;
    if (run.count == 8) {
      run = ReadDigits(p);
      if (run.count > 3) return nullptr;  // 20 digits never fit
      value = value * kPowersOfTen[run.count] + run.value;
      p += run.count;
    }
  }
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (value > kMax + (negative ? 1U : 0U)) return nullptr;
  if (*p == '.' || (*p | 0x20) == 'e') return nullptr;
  *out = static_cast<std::int64_t>(negative ? 0 - value : value);
  return p;
}

#ifdef __SSE4_1__
/// Sixteen bytes of a text, each less '0'; a bit of `others` is set where the byte was no digit.
struct DigitBlock {
  __m128i digits;
  unsigned others;
};

inline DigitBlock LoadDigits(const char* p) {
  const __m128i digits =
      _mm_sub_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)), _mm_set1_epi8('0'));
  const __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digits, _mm_set1_epi8(9)), digits);
  return {digits, static_cast<unsigned>(_mm_movemask_epi8(is_digit)) ^ 0xFFFFU};
}

/// The number in the first `count` digits of a block; `count` <= 16.
inline std::uint64_t DigitsValue(__m128i digits, int count) {
  // Loaded at `count`: a shuffle that moves `count` bytes to the end and clears those before.
  alignas(32) static constexpr signed char kAlign[32] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                                                         -1, -1, -1, -1, -1, 0,  1,  2,  3,  4,  5,
                                                         6,  7,  8,  9,  10, 11, 12, 13, 14, 15};
  const __m128i shuffle = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kAlign + count));
  const __m128i bytes = _mm_shuffle_epi8(digits, shuffle);
  const __m128i pairs =
      _mm_maddubs_epi16(bytes, _mm_set_epi8(1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10));
  const __m128i fours = _mm_madd_epi16(pairs, _mm_set_epi16(1, 100, 1, 100, 1, 100, 1, 100));
  const __m128i packed = _mm_packus_epi32(fours, fours);
  const __m128i eights = _mm_madd_epi16(packed, _mm_set_epi16(1, 10000, 1, 10000, 1, 10000, 1, 10000));
  const auto both = static_cast<std::uint64_t>(_mm_cvtsi128_si64(eights));
  return (both & 0xFFFFFFFFU) * 100'000'000U + (both >> 32);
}
#endif

/// Reads an integer of JSON's grammar that int64 holds. Returns what follows it, or null when there is none
/// at `p`, it is too large, or it has a fraction or exponent. Reads up to 40 bytes.
inline const char* ReadInt64(const char* p, std::int64_t* out) {
#ifdef __SSE4_1__
  const bool negative = *p == '-';
  const char* first = p + (negative ? 1 : 0);
  const DigitBlock block = LoadDigits(first);
  if (block.others == 0) return ReadInt64ByRuns(p, out);
  const int count = std::countr_zero(block.others);
  if (count == 0 || (*first == '0' && count > 1)) return nullptr;
  const char next = first[count];
  if (next == '.' || (next | 0x20) == 'e') return nullptr;
  const auto value = static_cast<std::int64_t>(DigitsValue(block.digits, count));
  *out = negative ? -value : value;
  return first + count;
#else
  return ReadInt64ByRuns(p, out);
#endif
}

/// Reads a short number (its digits and point end within 15 bytes, no exponent) as the nearest double.
/// Returns what follows it, or null when ReadFloat must do it. Reads up to 24 bytes.
inline const char* ReadShortFloat64(const char* p, double* out) {
  const bool negative = *p == '-';
  p += negative ? 1 : 0;
  // In both versions the digits are at most 2^53 and the power of ten is exact, so the one division rounds
  // the true value once.
#ifdef __SSE4_1__
  const DigitBlock block = LoadDigits(p);
  if (block.others == 0) return nullptr;
  const int whole = std::countr_zero(block.others);
  if (whole == 0 || (*p == '0' && whole > 1)) return nullptr;
  double value = 0;
  if (p[whole] == '.') {
    const unsigned rest = block.others & (block.others - 1);
    if (rest == 0) return nullptr;
    const int stop = std::countr_zero(rest);
    const int fraction = stop - whole - 1;
    if (fraction == 0) return nullptr;
    // Loaded at 16 - whole: ones for the bytes before the point, which stay; those behind it move up over it.
    alignas(32) static constexpr signed char kKeep[32] = {-1, -1, -1, -1, -1, -1, -1, -1,
                                                          -1, -1, -1, -1, -1, -1, -1, -1};
    const __m128i keep = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kKeep + 16 - whole));
    const __m128i digits = _mm_blendv_epi8(_mm_srli_si128(block.digits, 1), block.digits, keep);
    value = static_cast<double>(static_cast<std::int64_t>(DigitsValue(digits, stop - 1))) /
            kExactPowersOfTen[fraction];
    p += stop;
  } else {
    value = static_cast<double>(static_cast<std::int64_t>(DigitsValue(block.digits, whole)));
    p += whole;
  }
#else
  const DigitRun whole = ReadDigits(p);
  if (whole.count == 0 || (*p == '0' && whole.count > 1)) return nullptr;
  p += whole.count;
  auto value = static_cast<double>(static_cast<std::int64_t>(whole.value));
  if (*p == '.') {
    const DigitRun fraction = ReadDigits(p + 1);
    const std::uint64_t digits = whole.value * kPowersOfTen[fraction.count] + fraction.value;
    if (fraction.count == 0 || digits > (1ULL << 53)) return nullptr;
    p += 1 + fraction.count;
    value = static_cast<double>(static_cast<std::int64_t>(digits)) / kExactPowersOfTen[fraction.count];
  }
  if (*p >= '0' && *p <= '9') return nullptr;
#endif
  if ((*p | 0x20) == 'e') return nullptr;
  *out = negative ? -value : value;
  return p;
}

/// The end of the number at `p` by JSON's grammar, or null when there is none; `end` bounds it. `*integer`
/// tells whether it has neither fraction nor exponent.
const char* ScanNumber(const char* p, const char* end, bool* integer);

/// The nearest float or double of a number ScanNumber accepted; too small is zero. False: too large.
bool ReadFloat(const char* begin, const char* end, double* out);
bool ReadFloat(const char* begin, const char* end, float* out);

/// Most digits a decimal keeps.
inline constexpr int kMaxDecimalDigits = 76;

/// A decimal number as digits: value = digits without point, times 10^-scale.
struct DecimalDigits {
  char digits[kMaxDecimalDigits];  ///< '0'..'9', no leading zero; `count` of them are set
  int count = 0;                   ///< 0 for zero
  bool negative = false;
};

enum class DecimalFit { kOk, kNotANumber, kTooLarge, kTooManyDecimals };

/// Reads a number of JSON's grammar as a decimal of the given precision and scale, exactly.
DecimalFit ReadDecimal(const char* begin, const char* end, int precision, int scale, DecimalDigits* out);

}  // namespace millrace::json
