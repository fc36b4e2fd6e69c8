#pragma once

#include <string>
#include <vector>

#include "base/ids.h"
#include "snap_server/account_tree.h"
#include "snap_server/json_value.h"

namespace millrace::snap {

/// A stretch of time, [start, end), of whole hours in the account's zone.
struct Span {
  EventTime start;
  EventTime end;
};

/// What ads delivered, made up: the same for the same ads, hours and `now`.
///
/// Figures come every 15 minutes and are not final until 48 hours after the end of the day, in the account's
/// zone: an hour that is asked for again may have other values until then.
class StatsValues {
 public:
  /// `fields` as ReadStatsQuery lets through.
  StatsValues(std::vector<std::string> fields, const TimeZone& zone, EventTime now);

  /// {"impressions": 12, ...}: the sum over the ads in that time. What lies ahead of the clock is 0.
  json::object Sum(const std::vector<const Entity*>& ads, const Span& span) const;

  /// Everything before is final.
  EventTime final_until() const;

 private:
  /// Adds up one ad into `sums`, of which the first is that of impressions and then one for each of sums_of_.
  void AddAd(const Entity& ad, const Span& span, std::vector<std::int64_t>* sums) const;
  /// How much of an hour is known now, 1 when it is final.
  double Known(std::uint64_t ad_hash, EventTime hour) const;
  json::value ValueOf(const std::string& field, const std::vector<std::int64_t>& sums) const;
  std::int64_t SumOf(std::string_view metric, const std::vector<std::int64_t>& sums) const;

  const std::vector<std::string> fields_;
  const TimeZone zone_;
  const EventTime refreshed_;         // the last of the refreshes every 15 minutes
  std::vector<std::string> sums_of_;  // shares of impressions that the fields take
};

}  // namespace millrace::snap
