#pragma once

#include "base/duration.h"
#include "base/ids.h"
#include "connectors/snapchat/account_zone.h"

namespace millrace {

/// Over what one row of statistics goes.
enum class StatsGranularity { kHour, kDay, kTotal, kLifetime };

/// A stretch of time to ask for at once, [start, end).
struct StatsSlice {
  EventTime start{0};
  EventTime end{0};
};

/// The end of what there can be statistics for: that of the hour or day that has begun.
EventTime StatsEnd(const AccountZone& zone, StatsGranularity granularity, EventTime now);

/// The next stretch from `from` on, as long as Snap allows: it begins and ends where days of the account do,
/// or at `until`. Preconditions: kHour or kDay; `from` is the start of a day; from < until.
StatsSlice NextStatsSlice(const AccountZone& zone, StatsGranularity granularity, EventTime from,
                          EventTime until);

/// The start of the first day that Snap may still change after `asked`: one ends less than `lookback` before.
EventTime FirstOpenDay(const AccountZone& zone, EventTime asked, Duration lookback);

}  // namespace millrace
