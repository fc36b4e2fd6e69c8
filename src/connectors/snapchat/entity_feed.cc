#include "connectors/snapchat/entity_feed.h"

#include <utility>

#include "connectors/snapchat/ad_tree.h"
#include "connectors/snapchat/entity_rows.h"
#include "connectors/snapchat/walk_feed.h"

namespace millrace {

Result<std::unique_ptr<FeedSource>> MakeEntityFeed(EntityFeedOptions options, const Clock& clock,
                                                   MetricRegistry& metrics) {
  WalkFeedOptions walk;
  walk.source = std::move(options.source);
  walk.access = std::move(options.access);
  walk.every = options.every;
  walk.tree = std::make_shared<const AdTree>(AdScope{
      std::move(options.organization_id), std::move(options.ad_account_ids), std::move(options.kinds)});
  walk.record = &EntityRecord;
  walk.when_forbidden = "; the token has no right to it";
  walk.when_skipped = "a list of entities is left as it was";
  return WalkFeed::Make(std::move(walk), /*questions=*/nullptr, clock, metrics);
}

}  // namespace millrace
