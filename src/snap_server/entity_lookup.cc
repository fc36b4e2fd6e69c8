#include "snap_server/entity_lookup.h"

namespace millrace::snap {

Lookup LookUp(const AccountTree& tree, Kind kind, const std::string& id) {
  const Entity* const entity = tree.Find(kind, id);
  if (entity == nullptr) {
    return {nullptr, {404, "there is no " + std::string(NamesOf(kind).singular) + " " + id, "E2002"}};
  }
  if (entity->account != nullptr && entity->account->forbidden) {
    return {nullptr, {403, "Caller does not have permission", "E3002"}};
  }
  return {entity, {}};
}

}  // namespace millrace::snap
