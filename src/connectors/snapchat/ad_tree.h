#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/snapchat/entity_tree.h"

namespace millrace {

struct AdScope {
  std::string organization_id{};              ///< "": all organisations of the token
  std::vector<std::string> ad_account_ids{};  ///< empty: all accounts of the organisations
  std::set<std::string> kinds{};              ///< plural names
};

/// Organisations, their ad accounts, and what these have. Immutable.
class AdTree final : public EntityTree {
 public:
  explicit AdTree(AdScope scope) : scope_(std::move(scope)) {}

  std::vector<EntityList> Lists(const EntityWalk& known) const override;
  bool IsWanted(const EntityKind& kind) const override {
    return scope_.kinds.contains(std::string(kind.plural));
  }
  std::string PathBelow(std::string_view kind, const std::string& id) const override;

 private:
  void AddAccountLists(const EntityWalk& known, const std::string& account,
                       std::vector<EntityList>* lists) const;

  const AdScope scope_;
};

}  // namespace millrace
