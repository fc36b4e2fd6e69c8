#pragma once

#include <cstdint>
#include <string_view>

namespace millrace::json {

/// Days since 1970-01-01 of "YYYY-MM-DD". False when it is no date.
bool ParseDate(std::string_view text, std::int32_t* days);

/// RFC 3339 ("2024-05-01T12:00:00.5Z", "...+02:00"; also a space for the T) as units since the epoch; finer
/// digits are cut off. False when it is none or out of the range of int64.
bool ParseRfc3339(std::string_view text, std::int64_t units_per_second, std::int64_t* units);

/// Room that the writers below need.
inline constexpr int kMaxDateBytes = 16;
inline constexpr int kMaxTimestampBytes = 48;

/// "YYYY-MM-DD"; years beyond 9999 have more digits, years before 0 a sign. Returns the end.
char* WriteDate(std::int64_t days, char* to);

/// "YYYY-MM-DDTHH:MM:SS[.fff]Z" with as many fraction digits as the unit has. Returns the end.
char* WriteRfc3339(std::int64_t units, std::int64_t units_per_second, char* to);

}  // namespace millrace::json
