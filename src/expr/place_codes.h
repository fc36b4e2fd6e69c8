#pragma once

#include <string_view>

namespace millrace::expr_internal {

// Names are lower-case letters without accents, spaces and punctuation: "unitedstates", "cotedivoire". What
// is returned lives as long as the process; "" when the name is not known.

/// The two lower-case letters (ISO 3166-1 alpha-2) of a country by its English name or its alpha-3 code.
std::string_view CountryCode(std::string_view name);

/// The two lower-case letters of a state or territory of the United States or of a province of Canada.
std::string_view StateCode(std::string_view name);

}  // namespace millrace::expr_internal
