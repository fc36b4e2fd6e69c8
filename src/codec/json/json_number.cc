#include "codec/json/json_number.h"

namespace millrace::json {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// The power of ten of the first significant digit: 3 for 1234, -2 for 0.0123e1; 0 for zero. Bounded, never
/// overflows.
std::int64_t LeadingPower(const char* begin, const char* end) {
  const char* p = begin + (*begin == '-' ? 1 : 0);
  std::int64_t power = -1;
  bool significant = false;
  for (; p < end && IsDigit(*p); ++p) {
    significant = significant || *p != '0';
    if (significant) ++power;
  }
  if (p < end && *p == '.') {
    for (++p; p < end && IsDigit(*p); ++p) {
      significant = significant || *p != '0';
      if (!significant) --power;
    }
  }
  if (!significant) return 0;
  if (p == end) return power;
  ++p;
  const bool negative = *p == '-';
  if (*p == '-' || *p == '+') ++p;
  std::int64_t exponent = 0;
  for (; p < end && exponent < 1'000'000'000; ++p) exponent = exponent * 10 + (*p - '0');
  return negative ? power - exponent : power + exponent;
}

template <typename T>
bool ReadRounded(const char* begin, const char* end, T* out) {
  const auto [last, error] = std::from_chars(begin, end, *out);
  if (error == std::errc())
    return last == end && *out <= std::numeric_limits<T>::max() && *out >= std::numeric_limits<T>::lowest();
  if (error != std::errc::result_out_of_range || LeadingPower(begin, end) > 0) return false;
  *out = *begin == '-' ? -T{0} : T{0};
  return true;
}

}  // namespace

const char* ScanNumber(const char* p, const char* end, bool* integer) {
  *integer = true;
  if (p < end && *p == '-') ++p;
  if (p == end || !IsDigit(*p)) return nullptr;
  if (*p == '0' && end - p > 1 && IsDigit(p[1])) return nullptr;
  while (p < end && IsDigit(*p)) ++p;
  if (p < end && *p == '.') {
    *integer = false;
    ++p;
    if (p == end || !IsDigit(*p)) return nullptr;
    while (p < end && IsDigit(*p)) ++p;
  }
  if (p < end && (*p | 0x20) == 'e') {
    *integer = false;
    ++p;
    if (p < end && (*p == '-' || *p == '+')) ++p;
    if (p == end || !IsDigit(*p)) return nullptr;
    while (p < end && IsDigit(*p)) ++p;
  }
  return p;
}

bool ReadFloat(const char* begin, const char* end, double* out) { return ReadRounded(begin, end, out); }
bool ReadFloat(const char* begin, const char* end, float* out) { return ReadRounded(begin, end, out); }

DecimalFit ReadDecimal(const char* begin, const char* end, int precision, int scale, DecimalDigits* out) {
  bool integer = false;
  if (begin == end || ScanNumber(begin, end, &integer) != end) return DecimalFit::kNotANumber;
  out->count = 0;
  out->negative = *begin == '-';
  // `left` is how many digits of the decimal are still to come, counted from its first significant one.
  const std::int64_t left = LeadingPower(begin, end) + 1 + scale;
  bool significant = false;
  for (const char* p = begin + (out->negative ? 1 : 0); p < end && (*p | 0x20) != 'e'; ++p) {
    if (*p == '.') continue;
    significant = significant || *p != '0';
    if (!significant) continue;
    if (left > precision) return DecimalFit::kTooLarge;
    if (out->count < left) {
      out->digits[out->count++] = *p;
    } else if (*p != '0') {
      return DecimalFit::kTooManyDecimals;
    }
  }
  if (!significant) return DecimalFit::kOk;
  if (left <= 0) return DecimalFit::kTooManyDecimals;
  while (out->count < left) out->digits[out->count++] = '0';
  return DecimalFit::kOk;
}

}  // namespace millrace::json
