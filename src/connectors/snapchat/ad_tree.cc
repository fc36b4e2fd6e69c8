#include "connectors/snapchat/ad_tree.h"

#include <algorithm>

#include "connectors/snapchat/entity_walk.h"
#include "http/redact.h"

namespace millrace {
namespace {

/// Of the account of "organizations/ID/adaccounts"; "" for other paths.
std::string OrganizationOf(const std::string& path) {
  constexpr std::string_view kBegin = "organizations/";
  if (!path.starts_with(kBegin)) return "";
  const std::size_t end = path.find('/', kBegin.size());
  return path.substr(kBegin.size(), end == std::string::npos ? end : end - kBegin.size());
}

}  // namespace

std::vector<EntityList> AdTree::Lists(const EntityWalk& known) const {
  std::vector<EntityList> lists;
  const bool below = std::any_of(scope_.kinds.begin(), scope_.kinds.end(),
                                 [](const std::string& kind) { return kind != kOrganization.plural; });
  if (!scope_.ad_account_ids.empty()) {
    for (const std::string& id : scope_.ad_account_ids)
      lists.push_back({.stage = 0, .path = "adaccounts/" + PercentEncoded(id), .kind = &kAdAccount});
  } else {
    const std::string& only = scope_.organization_id;
    lists.push_back({.stage = 0,
                     .path = only.empty() ? "me/organizations" : "organizations/" + PercentEncoded(only),
                     .kind = &kOrganization});
    for (const std::string& id : below ? known.IdsOf(kOrganization) : std::vector<std::string>()) {
      lists.push_back({.stage = 1,
                       .path = "organizations/" + PercentEncoded(id) + "/adaccounts",
                       .kind = &kAdAccount,
                       .parents = {{"organization_id", id}}});
    }
  }
  for (const std::string& id : known.IdsOf(kAdAccount)) AddAccountLists(known, id, &lists);
  return lists;
}

void AdTree::AddAccountLists(const EntityWalk& known, const std::string& account,
                             std::vector<EntityList>* lists) const {
  const std::vector<std::string>& chosen = scope_.ad_account_ids;
  if (!chosen.empty() && std::find(chosen.begin(), chosen.end(), account) == chosen.end()) return;
  EntityList list;
  list.stage = 2;
  const std::string organization = OrganizationOf(known.ListOf(kAdAccount, account));
  if (!organization.empty()) list.parents.emplace_back("organization_id", organization);
  list.parents.emplace_back("ad_account_id", account);
  for (const EntityKind& kind : kAccountEntities) {
    if (!IsWanted(kind)) continue;
    list.path = "adaccounts/" + PercentEncoded(account) + "/" + std::string(kind.list);
    list.kind = &kind;
    lists->push_back(list);
  }
}

std::string AdTree::PathBelow(std::string_view kind, const std::string& id) const {
  if (kind == kOrganization.name) return "organizations/" + PercentEncoded(id) + "/";
  return kind == kAdAccount.name ? "adaccounts/" + PercentEncoded(id) + "/" : "";
}

}  // namespace millrace
