#pragma once

#include <string_view>

#include "base/duration.h"
#include "base/ids.h"

namespace millrace::snap {

/// When clocks are changed.
enum class ClockChange { kNever, kUnitedStates, kEurope, kAustralia };

/// The zone of an ad account, by the rules that hold since 2008. These are few and written out here, so that
/// what a connector takes from a database of zones is checked by something else. Immutable.
class TimeZone {
 public:
  constexpr TimeZone(std::string_view name, Duration standard, ClockChange change)
      : name_(name), standard_(standard), change_(change) {}

  std::string_view name() const { return name_; }
  /// What the clocks there show is the time in UTC and this.
  Duration OffsetAt(EventTime time) const;

  /// The begin of the day that `time` is in there.
  EventTime StartOfDay(EventTime time) const;
  /// Midnight there, `days` days after the day of `time`. A day has 23, 24 or 25 hours.
  EventTime StartOfDayAfter(EventTime time, int days) const;
  /// The days of the calendar from that of `from` to that of `to`.
  int DaysBetween(EventTime from, EventTime to) const;
  /// The moment when clocks there show `local`, ms since 1970 as if in UTC. Of two the first; a time that
  /// clocks leave out is taken with the offset before.
  EventTime FromLocal(std::int64_t local_ms) const;
  /// The reverse.
  std::int64_t ToLocal(EventTime time) const { return time.value() + OffsetAt(time).count(); }

 private:
  std::string_view name_;
  Duration standard_;
  ClockChange change_;
};

inline constexpr TimeZone kLosAngeles{"America/Los_Angeles", Duration(-8 * 3'600'000),
                                      ClockChange::kUnitedStates};
inline constexpr TimeZone kNewYork{"America/New_York", Duration(-5 * 3'600'000), ClockChange::kUnitedStates};
inline constexpr TimeZone kBerlin{"Europe/Berlin", Duration(3'600'000), ClockChange::kEurope};
inline constexpr TimeZone kKolkata{"Asia/Kolkata", Duration(5 * 3'600'000 + 1'800'000), ClockChange::kNever};
inline constexpr TimeZone kSydney{"Australia/Sydney", Duration(10 * 3'600'000), ClockChange::kAustralia};

}  // namespace millrace::snap
