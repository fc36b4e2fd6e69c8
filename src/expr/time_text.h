#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <arrow/type_fwd.h>

namespace millrace::expr_internal {

/// An instant read from ISO 8601 / RFC 3339 text; without an offset it is UTC.
struct ParsedTime {
  std::int64_t seconds = 0;  ///< since the epoch, towards minus infinity
  std::int32_t nanos = 0;    ///< 0..999,999,999
  int fraction_digits = 0;
  bool date_only = false;

  /// In `unit`, finer digits dropped; nullopt when it does not fit into int64.
  std::optional<std::int64_t> In(arrow::TimeUnit::type unit) const;
  /// "timestamp[ms]", or us or ns when the text has more digits.
  std::string_view TypeText() const;
};

/// Reads "2024-01-31", "2024-01-31T12:30:00.5Z", "2024-01-31 12:30" and offsets like +02:00 or +0200; years
/// 0000 to 9999, up to nine digits of fraction.
std::optional<ParsedTime> ParseTime(std::string_view text);

}  // namespace millrace::expr_internal
