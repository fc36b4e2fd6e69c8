#include "expr/phone_number.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace millrace::expr_internal {
namespace {

constexpr std::size_t kNorthAmericanDigits = 10;

/// Whether a country code of two digits has that number; 1 and 7 have one digit, all others three.
constexpr std::array<bool, 100> TwoDigitCodes() {
  std::array<bool, 100> codes{};
  for (const std::size_t code :
       {20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54,
        55, 56, 57, 58, 60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98}) {
    codes[code] = true;
  }
  return codes;
}

/// Countries in which a leading 0 is part of the number: Italy with the Vatican, San Marino, Côte d'Ivoire,
/// Burkina Faso, Benin, Congo.
constexpr std::array<std::string_view, 6> kZeroBelongsToNumber = {"39", "378", "225", "226", "229", "242"};

bool KeepsZero(std::string_view country_code) {
  return std::find(kZeroBelongsToNumber.begin(), kZeroBelongsToNumber.end(), country_code) !=
         kZeroBelongsToNumber.end();
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string_view WithoutLeadingZeros(std::string_view digits) {
  return digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
}

/// Area code and exchange of North America begin with 2 to 9.
bool IsNorthAmerican(std::string_view digits) {
  return digits.size() == kNorthAmericanDigits && digits[0] >= '2' && digits[3] >= '2';
}

/// Whether a "+" stands before the first digit.
bool HasPlus(std::string_view text) {
  for (const char c : text) {
    if (c == '+') return true;
    if (IsDigit(c)) return false;
  }
  return false;
}

/// Moves `digits`, which lie at or behind `out`, to `out`.
char* Put(std::string_view digits, char* out) {
  std::memmove(out, digits.data(), digits.size());
  return out + digits.size();
}

char* PutInternational(std::string_view digits, char* out) {
  const std::string_view country_code = digits.substr(0, CountryCodeLength(digits));
  digits.remove_prefix(country_code.size());
  const bool keeps_zero = KeepsZero(country_code);
  out = Put(country_code, out);
  if (!keeps_zero && digits.starts_with('0')) digits.remove_prefix(1);
  return Put(digits, out);
}

/// `digits` stand behind room for the country code.
char* PutNational(std::string_view digits, std::string_view country_code, char* out) {
  const bool zero = digits.starts_with('0');
  if (!zero && digits.size() > kNorthAmericanDigits && digits.starts_with(country_code)) {
    return PutInternational(digits, out);
  }
  if (!KeepsZero(country_code)) digits = WithoutLeadingZeros(digits);
  if (digits.empty()) return out;
  std::memcpy(out, country_code.data(), country_code.size());
  return Put(digits, out + country_code.size());
}

}  // namespace

std::size_t CountryCodeLength(std::string_view digits) {
  if (digits.starts_with('1') || digits.starts_with('7')) return 1;
  static constexpr std::array<bool, 100> kTwoDigits = TwoDigitCodes();
  if (digits.size() < 2) return digits.size();
  const auto number = static_cast<std::size_t>((digits[0] - '0') * 10 + (digits[1] - '0'));
  return std::min<std::size_t>(kTwoDigits[number] ? 2 : 3, digits.size());
}

char* NormalisePhone(std::string_view text, std::string_view country_code, char* out) {
  // The digits go behind the place of the code that may come before them.
  const std::size_t room = std::max<std::size_t>(country_code.size(), 1);
  char* end = out + room;
  for (const char c : text) {
    *end = c;
    end += IsDigit(c) ? 1 : 0;
  }
  const std::string_view digits(out + room, static_cast<std::size_t>(end - out) - room);
  const std::string_view significant = WithoutLeadingZeros(digits);
  if (significant.empty()) return out;
  if (HasPlus(text) || digits.starts_with("00")) return PutInternational(significant, out);
  if (!country_code.empty()) return PutNational(digits, country_code, out);
  if (digits.size() == significant.size() && IsNorthAmerican(significant)) {
    return PutNational(significant, "1", out);
  }
  return Put(significant, out);
}

}  // namespace millrace::expr_internal
