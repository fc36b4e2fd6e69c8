#pragma once

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "base/result.h"

namespace millrace {

/// Days and hours of an ad account, which Snap counts in the account's time zone. Immutable.
class AccountZone {
 public:
  /// `name`: of the IANA database, such as "America/Los_Angeles". Errors: user error for a name that the time
  /// zones of this machine do not have.
  static Result<AccountZone> Make(const std::string& name);

  /// The first instant of the local day that `time` is in: where the clock is put forward at midnight, that
  /// is later than 00:00.
  EventTime StartOfDay(EventTime time) const;
  /// The first instant of the day that many days after that of `time`.
  EventTime StartOfDayAfter(EventTime time, int days) const;
  /// The first instant at or after `time` at which the local clock shows a full hour.
  EventTime HourAtOrAfter(EventTime time) const;
  /// "2026-03-08T00:00:00.000-08:00".
  std::string Format(EventTime time) const;

  const std::string& name() const { return name_; }

 private:
  explicit AccountZone(std::string name) : name_(std::move(name)) {}

  /// What the clock shows, as if it were UTC.
  Result<std::int64_t> LocalOf(EventTime time) const;
  /// The first instant at which the clock shows that, or, where it is put over that, the next.
  Result<EventTime> InstantOf(std::int64_t local) const;
  std::int64_t Local(EventTime time) const;

  std::string name_;
};

}  // namespace millrace
