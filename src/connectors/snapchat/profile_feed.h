#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/duration.h"
#include "base/metrics.h"
#include "base/result.h"
#include "connect/feed.h"
#include "connectors/snapchat/marketing_api.h"
#include "connectors/snapchat/profile_rows.h"
#include "env/clock.h"

namespace millrace {

struct ProfileFeedOptions {
  std::string source{};  ///< its name
  MarketingAccess access{};
  std::string organization_id{};           ///< "": all profiles of the token
  std::vector<std::string> profile_ids{};  ///< empty: all of the organisation, or of the token
  std::set<std::string> content{};         ///< plural names of kinds, see entity_kinds.h, and "stats"
  bool lifetime = false;                   ///< statistics over everything; else by the day
  std::vector<ProfileMetric> metrics{};    ///< empty: those that Snap gives unasked
  std::optional<EventTime> since{};        ///< of statistics; nullopt: 30 days before the first start
  Duration lookback{48LL * 3'600'000};
  Duration every{900'000};  ///< from the start of a walk to that of the next
};

/// Walks through public profiles and what they show, and brings what changed: a record "<kind>/<id>"
/// (ProfileRecord), and a tombstone for what is gone from a list that was read to its end, such as a story
/// after 24 hours. Then reads the statistics of each profile: days of UTC that have ended, each until it was
/// read `lookback` after its end, and no day that is further back than Snap looks.
///
/// What Snap refuses for one profile is logged, counted and left as it is; the others go on. When it refuses
/// all that there is to begin with, Next says so: Snap opens this API only to apps that it has allowed.
///
/// Positions: those of a WalkFeed, and "stats/<profile>" with the first day that may still change.
///
/// Errors of Make: user error for a ca_file that cannot be read. `clock` and `metrics` outlive the source.
Result<std::unique_ptr<FeedSource>> MakeProfileFeed(ProfileFeedOptions options, const Clock& clock,
                                                    MetricRegistry& metrics);

}  // namespace millrace
