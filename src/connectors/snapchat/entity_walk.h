#pragma once

#include <compare>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "connect/feed.h"
#include "connectors/snapchat/entity_tree.h"

namespace millrace {

/// What is known of the tree, and where a walk through it stands: the part of a feed of entities that asks
/// nobody. One owner.
class EntityWalk {
 public:
  /// `tree` must outlive it.
  explicit EntityWalk(const EntityTree& tree) : tree_(tree) {}

  void Load(const FeedPositions& positions);

  /// When the walk at hand, or the last one, began; nullopt: there was none.
  std::optional<EventTime> began() const { return began_; }
  bool under_way() const { return under_way_; }
  void Begin(EventTime now);

  /// The list to be read next; nullopt: the walk is at its end.
  std::optional<EntityList> Next() const;

  /// Notes an entity of the list at hand. True when its record is to be written: it is new or another.
  bool Note(const EntityList& list, const std::string& key, const std::string& version, FeedBatch* batch);
  /// The list is done. `whole`: what was not noted is gone, with all below it.
  void Finish(const EntityList& list, bool whole, EventTime now, FeedBatch* batch);
  /// The walk is done.
  void End(FeedBatch* batch);

  /// Ids of the known entities of the kind, in order.
  std::vector<std::string> IdsOf(const EntityKind& kind) const;
  /// Path of the list that a known entity is in. Precondition: it is known.
  std::string ListOf(const EntityKind& kind, const std::string& id) const;

 private:
  struct Known {
    std::string version;  // "": its record was not wanted
    std::string list;     // path
  };

  void Delete(const std::string& key, EventTime now, FeedBatch* batch);
  void WritePosition(FeedBatch* batch) const;

  const EntityTree& tree_;
  std::map<std::string, Known> known_;  // by key of the record
  std::set<std::string> seen_;          // in the list at hand
  std::optional<EventTime> began_;
  bool under_way_ = false;
  std::pair<int, std::string> done_{-1, ""};  // stage and path of the last list
};

}  // namespace millrace
