#include "connectors/snapchat/profile_feed.h"

#include <utility>

#include "connectors/snapchat/profile_questions.h"
#include "connectors/snapchat/profile_tree.h"
#include "connectors/snapchat/walk_feed.h"

namespace millrace {
namespace {

constexpr int kPageSize = 100;
constexpr const char* kSkipped = "a part of a public profile is left as it was";
constexpr const char* kNotAllowed =
    "; Snap opens its Public Profile API only to apps that it has allowed, and for tokens of the scope "
    "snapchat-profile-api: ask Snap to allow the app, and check whose profiles the token may see";

}  // namespace

Result<std::unique_ptr<FeedSource>> MakeProfileFeed(ProfileFeedOptions options, const Clock& clock,
                                                    MetricRegistry& metrics) {
  const bool has_stats = options.content.contains("stats");
  const auto tree = std::make_shared<const ProfileTree>(ProfileScope{
      std::move(options.organization_id), std::move(options.profile_ids), std::move(options.content)});
  std::unique_ptr<WalkQuestions> stats;
  if (has_stats) {
    stats = std::make_unique<ProfileQuestions>(
        ProfileQuestionsOptions{
            {options.since, options.lookback}, options.lifetime, std::move(options.metrics)},
        tree, SkippedParts(options.source, kSkipped, metrics));
  }
  WalkFeedOptions walk;
  walk.source = std::move(options.source);
  walk.access = std::move(options.access);
  walk.every = options.every;
  walk.page_size = kPageSize;
  walk.tree = tree;
  walk.record = &ProfileRecord;
  walk.when_forbidden = kNotAllowed;
  walk.when_skipped = kSkipped;
  return WalkFeed::Make(std::move(walk), std::move(stats), clock, metrics);
}

}  // namespace millrace
