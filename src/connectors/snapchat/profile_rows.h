#pragma once

#include <string>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "base/ids.h"
#include "connect/feed.h"
#include "connectors/snapchat/entity_kinds.h"

namespace millrace {

/// The record of a public profile, or of something that it shows. `parents`: as EntityRecord has it. `now`:
/// event time of what does not say when it was made.
///
/// `expires_at` is what Snap says; of a story of which it says nothing, 24 hours after it was made.
FeedRecord ProfileRecord(const EntityKind& kind, const boost::json::object& entity,
                         const std::vector<std::pair<std::string, std::string>>& parents, EventTime now);

/// A metric that becomes a column.
struct ProfileMetric {
  std::string name;
  bool whole = true;  ///< a whole number
};

/// What the rows of one answer have in common.
struct ProfileStatsOf {
  std::string profile_id;
  bool lifetime = false;  ///< one row of everything; else one of each day
  std::vector<ProfileMetric> metrics{};
  EventTime now{0};  ///< event time of a row without a start
};

struct ProfileStatsPage {
  std::vector<FeedRecord> records;
  bool whole = true;  ///< false: Snap left something out
};

/// The rows of an answer about statistics: a record "stats/<profile>/day/<start>" or
/// "stats/<profile>/lifetime", which a later answer about the same replaces.
ProfileStatsPage ReadProfileStats(const ProfileStatsOf& of, const boost::json::object& body);

}  // namespace millrace
