#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/duration.h"
#include "base/ids.h"
#include "connect/feed.h"

namespace millrace {

/// What is to be read of statistics of public profiles.
struct ProfileStatsPlan {
  std::optional<EventTime> since{};  ///< nullopt: 30 days before the first reading
  Duration lookback{0};
};

/// Days of UTC to ask for at once, [start, end); empty when none has ended.
struct ProfileDays {
  std::string profile;
  EventTime start{0};
  EventTime end{0};
};

/// "2026-01-01T00:00:00": as that API takes midnights.
std::string MidnightText(EventTime midnight);

/// How far the statistics of public profiles are read. Each walk reads those of a profile once, from the
/// first day that may still change to the last that has ended: a day may change until it was read `lookback`
/// or more after its end. Days that ended longer ago than Snap looks back are left out. One owner.
class ProfileStatsDays {
 public:
  explicit ProfileStatsDays(ProfileStatsPlan plan) : plan_(plan) {}

  /// Takes its positions out of all of them; what cannot be read is as if it had never been.
  void Take(FeedPositions* positions);

  /// What is to be asked of the profile in the walk that began then; nullopt: nothing more.
  std::optional<ProfileDays> Next(const std::string& profile, EventTime walk, EventTime now) const;
  /// What Next gave is read.
  void Done(const ProfileDays& days, EventTime walk, FeedBatch* batch);
  /// It was refused: nothing more of the profile in this walk.
  void Skip(const ProfileDays& days, EventTime walk, FeedBatch* batch);

 private:
  struct Place {
    EventTime open{0};  // the start of the first day that may still change
    EventTime walk{0};  // when the walk began that read it last
  };
  void Write(const std::string& profile, FeedBatch* batch) const;

  const ProfileStatsPlan plan_;
  std::map<std::string, Place> places_;  // by id of profile
};

}  // namespace millrace
