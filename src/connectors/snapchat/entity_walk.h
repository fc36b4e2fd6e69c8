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
#include "connectors/snapchat/entity_kinds.h"

namespace millrace {

/// A list of the Marketing API, in the order in which a walk reads them.
struct EntityList {
  int stage = 0;       ///< 0: where the walk begins; 1: accounts of organisations; 2: what accounts have
  std::string path{};  ///< "adaccounts/1234/campaigns"
  const EntityKind* kind = nullptr;
  /// What entities of the list need not say themselves: {"ad_account_id", "1234"}.
  std::vector<std::pair<std::string, std::string>> parents{};
};

struct EntityScope {
  std::string organization_id{};
  std::vector<std::string> ad_account_ids{};
  std::set<std::string> kinds{};  ///< plural names
};

/// What is known of the tree, and where a walk through it stands: the part of a feed of entities that asks
/// nobody. One owner.
class EntityWalk {
 public:
  explicit EntityWalk(EntityScope scope) : scope_(std::move(scope)) {}

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

  bool IsWanted(const EntityKind& kind) const { return scope_.kinds.contains(std::string(kind.plural)); }

 private:
  struct Known {
    std::string version;  // "": its record was not wanted
    std::string list;     // path
  };

  std::vector<EntityList> Lists() const;
  void AddAccountLists(const std::string& account, std::vector<EntityList>* lists) const;
  /// Ids of the known entities of the kind, in order.
  std::vector<std::string> IdsOf(const EntityKind& kind) const;
  void Delete(const std::string& key, EventTime now, FeedBatch* batch);
  void WritePosition(FeedBatch* batch) const;

  const EntityScope scope_;
  std::map<std::string, Known> known_;  // by key of the record
  std::set<std::string> seen_;          // in the list at hand
  std::optional<EventTime> began_;
  bool under_way_ = false;
  std::pair<int, std::string> done_{-1, ""};  // stage and path of the last list
};

}  // namespace millrace
