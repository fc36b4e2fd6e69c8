#pragma once

#include "base/duration.h"
#include "base/ids.h"
#include "snap_server/field_kinds.h"

namespace millrace::snap {

/// How old an event may be at most to be reported.
inline constexpr Duration kMaxEventAge{37LL * 24 * 3'600'000};
/// Beyond this age some of Snap's own tools refuse it: a warning.
inline constexpr Duration kUsualEventAge{7LL * 24 * 3'600'000};
/// How far an event may be ahead of the clock; Snap says only "out of range".
inline constexpr Duration kMaxEventAhead{24 * 3'600'000};

/// What Snap's description of the Conversions API, version 3, has to say about one event.
Findings CheckEvent(const json::value& event, EventTime now);

/// The time of an event: numbers that would be far in the future as seconds are milliseconds.
EventTime TimeOfEvent(std::int64_t number);

}  // namespace millrace::snap
