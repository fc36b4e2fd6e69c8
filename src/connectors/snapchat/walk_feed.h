#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "base/duration.h"
#include "base/metrics.h"
#include "base/result.h"
#include "connect/feed.h"
#include "connectors/snapchat/entity_tree.h"
#include "connectors/snapchat/entity_walk.h"
#include "connectors/snapchat/marketing_api.h"
#include "connectors/snapchat/skipped_parts.h"
#include "env/clock.h"

namespace millrace {

/// What a walk asks when its lists are read, such as statistics of what they named. One owner, one thread.
class WalkQuestions {
 public:
  virtual ~WalkQuestions() = default;

  /// Takes its positions out of all of them, and forgets what it knew.
  virtual void Open(FeedPositions* positions) = 0;
  /// The next question of the walk at hand, as MarketingApi::Ask takes it; nullopt: there is none.
  virtual std::optional<std::string> Next(const EntityWalk& walk, EventTime now) = 0;
  /// The answer to what Next gave.
  virtual void Take(const MarketingAnswer& answer, const EntityWalk& walk, FeedBatch* batch) = 0;
};

struct WalkFeedOptions {
  /// Makes the record of an entity; the parents are those of its list.
  using Record = FeedRecord (*)(const EntityKind& kind, const boost::json::object& entity,
                                const std::vector<std::pair<std::string, std::string>>& parents,
                                EventTime now);

  std::string source{};  ///< its name
  MarketingAccess access{};
  Duration every{3'600'000};  ///< from the start of a walk to that of the next
  int page_size = 500;
  std::shared_ptr<const EntityTree> tree{};  ///< never null
  Record record = nullptr;                   ///< never null
  /// Behind "asking Snap for ...: HTTP 403": what that may be and what to do.
  std::string when_forbidden{};
  std::string when_skipped{};  ///< see SkippedParts
};

/// Walks again and again through the lists of a tree and brings what changed: a record for each entity that
/// is new or another, and a tombstone for what is gone from a list that was read to its end.
///
/// What Snap refuses is skipped; when it refuses all that a walk begins with (stage 0), Next says so and the
/// next call begins anew.
///
/// Positions: one per entity, with its version and the list it is in; "walk", the list that was done last,
/// behind which it goes on after a kill; and those of the questions.
class WalkFeed final : public FeedSource {
 public:
  /// `questions` may be null. `clock` and `metrics` outlive it. Errors: user error for a ca_file that cannot
  /// be read.
  static Result<std::unique_ptr<FeedSource>> Make(WalkFeedOptions options,
                                                  std::unique_ptr<WalkQuestions> questions,
                                                  const Clock& clock, MetricRegistry& metrics);

  Status Open(FeedPositions positions) override;
  Result<FeedBatch> Next(Duration wait) override;

 private:
  WalkFeed(WalkFeedOptions options, std::unique_ptr<WalkQuestions> questions,
           std::unique_ptr<MarketingApi> api, const Clock& clock, MetricRegistry& metrics);

  bool IsDue() const;
  void Begin();
  /// The next list, then the questions, or the end of the walk.
  Status AskNext(FeedBatch* batch);
  void TakePage(boost::json::object* body, FeedBatch* batch);
  Status SkipList(const MarketingAnswer& answer, FeedBatch* batch);
  /// Lists that a walk begins with.
  std::size_t CountOfFirstLists() const;

  const WalkFeedOptions options_;
  const Clock& clock_;
  const std::unique_ptr<WalkQuestions> questions_;
  const std::unique_ptr<MarketingApi> api_;
  SkippedParts skipped_;
  EntityWalk walk_;
  std::optional<EntityList> list_;  // that is asked for; nullopt: a question is
  bool whole_ = true;               // the list, so far
  std::size_t refused_ = 0;         // lists of stage 0, in this walk
  Status stopped_;                  // an error that comes after what was brought
};

}  // namespace millrace
