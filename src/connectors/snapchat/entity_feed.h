#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/duration.h"
#include "base/metrics.h"
#include "base/result.h"
#include "connect/feed.h"
#include "connectors/snapchat/marketing_api.h"
#include "env/clock.h"

namespace millrace {

struct EntityFeedOptions {
  std::string source{};  ///< its name
  MarketingAccess access{};
  std::string organization_id{};              ///< "": all organisations of the token
  std::vector<std::string> ad_account_ids{};  ///< empty: all accounts of the organisations
  std::set<std::string> kinds{};              ///< plural names of kinds, see entity_kinds.h
  Duration every{3'600'000};                  ///< from the start of a walk to that of the next
};

/// Walks the tree of organisations, ad accounts and what these have, and brings what changed: a record
/// "<kind>/<id>" with the columns of EntityRecord, and a tombstone for what is gone from a list that was read
/// to its end. Lists are read whole, whatever the dates of their parents: those say nothing of children.
///
/// What Snap refuses for one account is logged, counted and left as it is; the others go on. When it refuses
/// all that there is to begin with, Next says so.
///
/// Positions: those of a WalkFeed.
///
/// Errors of Make: user error for a ca_file that cannot be read. `clock` and `metrics` outlive the source.
Result<std::unique_ptr<FeedSource>> MakeEntityFeed(EntityFeedOptions options, const Clock& clock,
                                                   MetricRegistry& metrics);

}  // namespace millrace
