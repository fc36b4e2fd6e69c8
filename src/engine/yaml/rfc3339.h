#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace millrace {

/// Reads "2024-01-31T12:00:00Z", with optional fraction (cut to ms) and offset "+02:00"; 'T' may be a blank.
/// Errors: user error that shows the text and the form.
Result<EventTime> ParseRfc3339(std::string_view text);

/// "2024-01-31T12:00:00.000Z"; years outside 0..9999 are written as milliseconds.
std::string FormatRfc3339(EventTime time);

}  // namespace millrace
