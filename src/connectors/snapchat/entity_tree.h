#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/snapchat/entity_kinds.h"

namespace millrace {

class EntityWalk;

/// A list of one of Snap's APIs, in the order in which a walk reads them.
struct EntityList {
  int stage = 0;       ///< 0: where the walk begins; 1 and on: what hangs on entities of the stage before
  std::string path{};  ///< "adaccounts/1234/campaigns"
  const EntityKind* kind = nullptr;
  /// What entities of the list need not say themselves: {"ad_account_id", "1234"}.
  std::vector<std::pair<std::string, std::string>> parents{};
};

/// Which lists there are to walk through, and what hangs on what. Immutable.
class EntityTree {
 public:
  virtual ~EntityTree() = default;

  /// All lists, as far as they can be told by what is known.
  virtual std::vector<EntityList> Lists(const EntityWalk& known) const = 0;
  /// Whether records of the kind are to be written.
  virtual bool IsWanted(const EntityKind& kind) const = 0;
  /// What paths of lists that hang on the entity begin with; "" when there are none. `kind`: its name.
  virtual std::string PathBelow(std::string_view kind, const std::string& id) const = 0;
};

}  // namespace millrace
