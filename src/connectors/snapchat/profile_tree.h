#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/snapchat/entity_tree.h"

namespace millrace {

struct ProfileScope {
  std::string organization_id{};           ///< "": all profiles of the token
  std::vector<std::string> profile_ids{};  ///< empty: all of the organisation, or of the token
  std::set<std::string> kinds{};           ///< plural names
};

/// Public profiles and what they show. Immutable.
class ProfileTree final : public EntityTree {
 public:
  explicit ProfileTree(ProfileScope scope) : scope_(std::move(scope)) {}

  std::vector<EntityList> Lists(const EntityWalk& known) const override;
  bool IsWanted(const EntityKind& kind) const override {
    return scope_.kinds.contains(std::string(kind.plural));
  }
  std::string PathBelow(std::string_view kind, const std::string& id) const override;

  /// Known profiles that are to be read.
  std::vector<std::string> Profiles(const EntityWalk& known) const;

 private:
  const ProfileScope scope_;
};

}  // namespace millrace
