#pragma once

#include <cstddef>
#include <string_view>

namespace millrace::expr_internal {

/// Writes the number as Snap wants it hashed and returns the end of what was written: digits only, country
/// code first, without "+", "00" and the 0 that stands before an area code inside a country. Nothing is
/// written when there is no digit.
///
/// A number is international when it begins with "+" or "00". Any other belongs to the country with the given
/// code (digits; "" for none), unless it begins with that code and has more than ten digits. Without a code
/// it is taken as it is, less leading zeros, and gets a 1 when it has ten digits and the form of a North
/// American number. `out` takes as many bytes as the text and the code have.
char* NormalisePhone(std::string_view text, std::string_view country_code, char* out);

/// Length of the country code that international digits begin with: 1 to 3, but no more than there are.
/// Precondition: decimal digits.
std::size_t CountryCodeLength(std::string_view digits);

}  // namespace millrace::expr_internal
