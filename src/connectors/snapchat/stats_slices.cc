#include "connectors/snapchat/stats_slices.h"

#include <algorithm>

#include "base/check.h"

namespace millrace {
namespace {

constexpr int kMostDays = 31;        // of rows by day; one of them may have 25 hours
constexpr int kMostDaysOfHours = 7;  // of 24 hours
constexpr std::int64_t kMostHours = kMostDaysOfHours * 24LL * 3'600'000;

}  // namespace

EventTime StatsEnd(const AccountZone& zone, StatsGranularity granularity, EventTime now) {
  const EventTime next(now.value() + 1);  // what begins now has begun
  return granularity == StatsGranularity::kDay ? zone.StartOfDayAfter(now, 1) : zone.HourAtOrAfter(next);
}

StatsSlice NextStatsSlice(const AccountZone& zone, StatsGranularity granularity, EventTime from,
                          EventTime until) {
  MR_CHECK(from < until);
  if (granularity == StatsGranularity::kDay)
    return {from, std::min(until, zone.StartOfDayAfter(from, kMostDays))};
  EventTime end = zone.StartOfDayAfter(from, kMostDaysOfHours);
  if (end.value() - from.value() > kMostHours) end = zone.StartOfDayAfter(from, kMostDaysOfHours - 1);
  return {from, std::min(until, end)};
}

EventTime FirstOpenDay(const AccountZone& zone, EventTime asked, Duration lookback) {
  return zone.StartOfDay(EventTime(asked.value() - lookback.count()));
}

}  // namespace millrace
