#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/strong_type.h"

namespace millrace {

/// A count of bytes.
using ByteCount = Strong<struct ByteCountTag, std::int64_t>;

/// Reads "512", "64KiB", "128MiB", "1GiB", and the decimal "10KB", "10MB", "1GB".
/// Errors: user error that shows the text and the accepted form.
Result<ByteCount> ParseByteSize(std::string_view text);

/// For people: "1.5 MiB".
std::string FormatByteSize(ByteCount bytes);

}  // namespace millrace
