#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "snap_server/time_zone.h"

namespace millrace::snap {

/// "2025-03-09T08:00:00.000Z".
std::string UtcText(EventTime time);
/// The same moment with the offset that holds then and there: "2025-03-09T00:00:00.000-08:00".
std::string ZonedText(EventTime time, const TimeZone& zone);

/// A time as requests write it.
struct WrittenTime {
  std::int64_t local_ms;             ///< what it shows, ms since 1970 as if in UTC
  std::optional<Duration> offset{};  ///< none when it has none
};

/// Reads "2025-03-09", "2025-03-09T10:00:00", with a fraction or without, with "Z" or an offset such as
/// "-08:00" or "-0800"; none for anything else.
std::optional<WrittenTime> ReadTime(std::string_view text);

}  // namespace millrace::snap
