#pragma once

#include <optional>
#include <string>

#include "base/duration.h"
#include "base/ids.h"
#include "connectors/snapchat/stats_slices.h"

namespace millrace {

/// What is to be read of the statistics of one account.
struct StatsPlan {
  StatsGranularity granularity = StatsGranularity::kDay;
  EventTime since{0};
  Duration lookback{0};
};

/// How far the statistics of one account are read: a round goes over all that is open, then another begins.
/// A day is open until it was read `lookback` or more after its end. One owner.
class StatsCursor {
 public:
  StatsCursor(StatsPlan plan, AccountZone zone) : plan_(plan), zone_(std::move(zone)) {}

  /// As Text wrote it; what cannot be read is as if it had never been.
  void Load(const std::string& text);
  std::string Text() const;

  /// When the round at hand, or the last one, began; nullopt: there was none.
  std::optional<EventTime> began() const { return began_; }
  bool under_way() const { return under_way_; }
  void Begin(EventTime now);

  /// What comes next in the round; nullopt: it is at its end.
  std::optional<StatsSlice> Next(EventTime now) const;
  /// The slice that Next gave at `asked` is done. `whole`: nothing of it is missing.
  void Done(const StatsSlice& slice, EventTime asked, bool whole);
  void End() { under_way_ = false; }

  /// Days from here on may still change.
  EventTime open() const { return open_; }
  const AccountZone& zone() const { return zone_; }

 private:
  bool HasSlices() const {
    return plan_.granularity == StatsGranularity::kHour || plan_.granularity == StatsGranularity::kDay;
  }

  StatsPlan plan_;
  AccountZone zone_;
  std::optional<EventTime> began_;
  bool under_way_ = false;
  EventTime open_{0};  // start of a day; this and the next are set by the first Begin
  EventTime next_{0};  // start of a day while a round is under way
};

}  // namespace millrace
