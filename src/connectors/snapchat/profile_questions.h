#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "connectors/snapchat/profile_rows.h"
#include "connectors/snapchat/profile_stats_days.h"
#include "connectors/snapchat/profile_tree.h"
#include "connectors/snapchat/skipped_parts.h"
#include "connectors/snapchat/walk_feed.h"
#include "connectors/snapchat/written_rows.h"

namespace millrace {

struct ProfileQuestionsOptions {
  ProfileStatsPlan plan{};
  bool lifetime = false;                 ///< one row of everything; else one of each day
  std::vector<ProfileMetric> metrics{};  ///< empty: those that Snap gives unasked
};

/// Asks for the statistics of each profile of a walk and brings rows that are new or another. A profile for
/// which Snap refuses them is asked again in the next walk. One owner, one thread.
class ProfileQuestions final : public WalkQuestions {
 public:
  ProfileQuestions(ProfileQuestionsOptions options, std::shared_ptr<const ProfileTree> tree,
                   SkippedParts skipped);

  void Open(FeedPositions* positions) override;
  std::optional<std::string> Next(const EntityWalk& walk, EventTime now) override;
  void Take(const MarketingAnswer& answer, const EntityWalk& walk, FeedBatch* batch) override;

 private:
  std::string Question() const;
  void Skip(const std::string& why, const EntityWalk& walk, FeedBatch* batch);

  const ProfileQuestionsOptions options_;
  const std::shared_ptr<const ProfileTree> tree_;
  SkippedParts skipped_;
  ProfileStatsDays days_;
  std::optional<ProfileDays> asked_;  // that Next gave last
  EventTime asked_at_{0};
  WrittenRows written_;
};

}  // namespace millrace
