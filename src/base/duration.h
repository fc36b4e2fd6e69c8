#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace {

using Duration = std::chrono::milliseconds;

/// Reads "250ms", "10s", "1m", "2h", "7d" or a sum like "1h30m"; a bare number is refused except 0.
/// Errors: user error that shows the text and the accepted form; also on overflow of int64 ms.
Result<Duration> ParseDuration(std::string_view text);

/// The shortest text that ParseDuration reads back to the same value ("1m30s", "0ms").
std::string FormatDuration(Duration duration);

}  // namespace millrace
