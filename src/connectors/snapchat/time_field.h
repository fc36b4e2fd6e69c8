#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "base/ids.h"

namespace millrace {

/// A field that is a time in RFC 3339; nullopt when it is absent or no time.
std::optional<EventTime> TimeField(const boost::json::object& object, std::string_view name);

/// "2026-01-01T00:00:00.000Z".
std::string TimeText(EventTime time);

}  // namespace millrace
