#include "snap_server/time_zone.h"

#include <chrono>

namespace millrace::snap {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::Sunday;
using std::chrono::sys_days;
using std::chrono::sys_time;
using std::chrono::year;

constexpr Duration kSummer{3'600'000};
constexpr std::int64_t kDay_ms = 86'400'000;

/// When summer time begins and ends in a year. South of the equator it begins after it ends.
struct Changes {
  EventTime begin;
  EventTime end;
};

std::int64_t Millis(sys_days day, Duration time_of_day) {
  return sys_time<milliseconds>(day).time_since_epoch().count() + time_of_day.count();
}

Changes ChangesOf(ClockChange change, Duration standard, year in) {
  using namespace std::chrono;  // NOLINT: names of months
  switch (change) {
    case ClockChange::kUnitedStates:  // at two o'clock, as clocks show it
      return {
          EventTime(Millis(sys_days(in / March / Sunday[2]), hours(2)) - standard.count()),
          EventTime(Millis(sys_days(in / November / Sunday[1]), hours(2)) - (standard + kSummer).count())};
    case ClockChange::kEurope:  // everywhere at the same moment
      return {EventTime(Millis(sys_days(in / March / Sunday[last]), hours(1))),
              EventTime(Millis(sys_days(in / October / Sunday[last]), hours(1)))};
    case ClockChange::kAustralia:  // at two o'clock standard time
      return {EventTime(Millis(sys_days(in / October / Sunday[1]), hours(2)) - standard.count()),
              EventTime(Millis(sys_days(in / April / Sunday[1]), hours(2)) - standard.count())};
    case ClockChange::kNever:
      break;
  }
  return {};
}

std::int64_t FloorDay(std::int64_t ms) { return (ms >= 0 ? ms / kDay_ms : (ms + 1) / kDay_ms - 1); }

}  // namespace

Duration TimeZone::OffsetAt(EventTime time) const {
  if (change_ == ClockChange::kNever) return standard_;
  const auto local_day = sys_days(days(FloorDay(time.value() + standard_.count())));
  const Changes changes = ChangesOf(change_, standard_, std::chrono::year_month_day(local_day).year());
  const bool north = changes.begin < changes.end;
  const bool summer =
      north ? time >= changes.begin && time < changes.end : time >= changes.begin || time < changes.end;
  return summer ? standard_ + kSummer : standard_;
}

EventTime TimeZone::FromLocal(std::int64_t local_ms) const {
  // One of the two offsets of the zone is right; summer time, which has the earlier moment, comes first.
  for (const Duration offset : {standard_ + kSummer, standard_}) {
    const EventTime time(local_ms - offset.count());
    if (OffsetAt(time) == offset) return time;
  }
  return EventTime(local_ms - standard_.count());
}

EventTime TimeZone::StartOfDay(EventTime time) const { return StartOfDayAfter(time, 0); }

EventTime TimeZone::StartOfDayAfter(EventTime time, int days_after) const {
  return FromLocal((FloorDay(ToLocal(time)) + days_after) * kDay_ms);
}

int TimeZone::DaysBetween(EventTime from, EventTime to) const {
  return static_cast<int>(FloorDay(ToLocal(to)) - FloorDay(ToLocal(from)));
}

}  // namespace millrace::snap
