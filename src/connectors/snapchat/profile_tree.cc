#include "connectors/snapchat/profile_tree.h"

#include <algorithm>

#include "connectors/snapchat/entity_walk.h"
#include "http/redact.h"

namespace millrace {
namespace {

std::string PathOf(const std::string& profile) { return "public_profiles/" + PercentEncoded(profile); }

}  // namespace

std::vector<EntityList> ProfileTree::Lists(const EntityWalk& known) const {
  std::vector<EntityList> lists;
  for (const std::string& id : scope_.profile_ids)
    lists.push_back({.stage = 0, .path = PathOf(id), .kind = &kProfile});
  if (lists.empty()) {
    const std::string& only = scope_.organization_id;
    lists.push_back({.stage = 0,
                     .path = only.empty() ? "me/public_profiles"
                                          : "organizations/" + PercentEncoded(only) + "/public_profiles",
                     .kind = &kProfile});
  }
  for (const std::string& id : Profiles(known)) {
    for (const EntityKind& kind : kProfileContents) {
      if (!IsWanted(kind)) continue;
      lists.push_back({.stage = 1,
                       .path = PathOf(id) + "/" + std::string(kind.list),
                       .kind = &kind,
                       .parents = {{"profile_id", id}}});
    }
  }
  return lists;
}

std::vector<std::string> ProfileTree::Profiles(const EntityWalk& known) const {
  std::vector<std::string> ids = known.IdsOf(kProfile);
  const std::vector<std::string>& chosen = scope_.profile_ids;
  if (chosen.empty()) return ids;
  std::erase_if(ids, [&chosen](const std::string& id) {
    return std::find(chosen.begin(), chosen.end(), id) == chosen.end();
  });
  return ids;
}

std::string ProfileTree::PathBelow(std::string_view kind, const std::string& id) const {
  return kind == kProfile.name ? PathOf(id) + "/" : "";
}

}  // namespace millrace
