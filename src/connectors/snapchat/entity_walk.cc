#include "connectors/snapchat/entity_walk.h"

#include <algorithm>

#include <boost/json.hpp>

#include "connectors/snapchat/marketing_page.h"
#include "http/redact.h"

namespace millrace {
namespace {

namespace json = boost::json;

constexpr const char* kPosition = "walk";

std::string KindOf(const std::string& key) { return key.substr(0, key.find('/')); }
std::string IdOf(const std::string& key) { return key.substr(key.find('/') + 1); }

std::int64_t IntegerField(const json::object& object, const char* name, std::int64_t otherwise) {
  const json::value* const value = object.if_contains(name);
  return value != nullptr && value->is_int64() ? value->get_int64() : otherwise;
}

/// Of the account of "organizations/ID/adaccounts"; "" for other paths.
std::string OrganizationOf(const std::string& path) {
  constexpr std::string_view kBegin = "organizations/";
  if (!path.starts_with(kBegin)) return "";
  const std::size_t end = path.find('/', kBegin.size());
  return path.substr(kBegin.size(), end == std::string::npos ? end : end - kBegin.size());
}

}  // namespace

void EntityWalk::Load(const FeedPositions& positions) {
  known_.clear();
  seen_.clear();
  began_.reset();
  under_way_ = false;
  done_ = {-1, ""};
  for (const auto& [key, text] : positions) {
    json::error_code error;
    const json::value value = json::parse(text, error);
    if (error || !value.is_object()) continue;  // as if it were new: it is read again
    const json::object& object = value.get_object();
    if (key != kPosition) {
      known_[key] = {TextField(object, "version"), TextField(object, "list")};
      continue;
    }
    began_ = EventTime(IntegerField(object, "began", 0));
    done_ = {static_cast<int>(IntegerField(object, "stage", -1)), TextField(object, "path")};
    under_way_ = object.if_contains("ended") == nullptr;
  }
}

void EntityWalk::Begin(EventTime now) {
  began_ = now;
  under_way_ = true;
  done_ = {-1, ""};
  seen_.clear();
}

std::optional<EntityList> EntityWalk::Next() const {
  std::optional<EntityList> next;
  for (EntityList& list : Lists()) {
    const auto place = [](const EntityList& at) { return std::pair(at.stage, at.path); };
    if (place(list) > done_ && (!next || place(list) < place(*next))) next = std::move(list);
  }
  return next;
}

std::vector<EntityList> EntityWalk::Lists() const {
  std::vector<EntityList> lists;
  const bool below = std::any_of(scope_.kinds.begin(), scope_.kinds.end(),
                                 [](const std::string& kind) { return kind != kOrganization.plural; });
  if (!scope_.ad_account_ids.empty()) {
    for (const std::string& id : scope_.ad_account_ids)
      lists.push_back({.stage = 1, .path = "adaccounts/" + PercentEncoded(id), .kind = &kAdAccount});
  } else {
    const std::string& only = scope_.organization_id;
    lists.push_back({.stage = 0,
                     .path = only.empty() ? "me/organizations" : "organizations/" + PercentEncoded(only),
                     .kind = &kOrganization});
    for (const std::string& id : below ? IdsOf(kOrganization) : std::vector<std::string>()) {
      lists.push_back({.stage = 1,
                       .path = "organizations/" + PercentEncoded(id) + "/adaccounts",
                       .kind = &kAdAccount,
                       .parents = {{"organization_id", id}}});
    }
  }
  for (const std::string& id : IdsOf(kAdAccount)) AddAccountLists(id, &lists);
  return lists;
}

void EntityWalk::AddAccountLists(const std::string& account, std::vector<EntityList>* lists) const {
  const std::vector<std::string>& chosen = scope_.ad_account_ids;
  if (!chosen.empty() && std::find(chosen.begin(), chosen.end(), account) == chosen.end()) return;
  EntityList list;
  list.stage = 2;
  const std::string organization =
      OrganizationOf(known_.at(std::string(kAdAccount.name) + "/" + account).list);
  if (!organization.empty()) list.parents.emplace_back("organization_id", organization);
  list.parents.emplace_back("ad_account_id", account);
  for (const EntityKind& kind : kAccountEntities) {
    if (!IsWanted(kind)) continue;
    list.path = "adaccounts/" + PercentEncoded(account) + "/" + std::string(kind.list);
    list.kind = &kind;
    lists->push_back(list);
  }
}

std::vector<std::string> EntityWalk::IdsOf(const EntityKind& kind) const {
  const std::string begin = std::string(kind.name) + "/";
  std::vector<std::string> ids;
  for (auto it = known_.lower_bound(begin); it != known_.end() && it->first.starts_with(begin); ++it)
    ids.push_back(IdOf(it->first));
  return ids;
}

bool EntityWalk::Note(const EntityList& list, const std::string& key, const std::string& version,
                      FeedBatch* batch) {
  seen_.insert(key);
  const std::string wanted = IsWanted(*list.kind) ? version : "";
  const auto [known, is_new] = known_.try_emplace(key);
  const bool changed = is_new || known->second.version != wanted || known->second.list != list.path;
  if (!changed) return false;
  known->second = {wanted, list.path};
  batch->positions[key] = json::serialize(json::object{{"version", wanted}, {"list", list.path}});
  return !wanted.empty();
}

void EntityWalk::Finish(const EntityList& list, bool whole, EventTime now, FeedBatch* batch) {
  if (whole) {
    const std::string kind = std::string(list.kind->name) + "/";
    std::vector<std::string> gone;
    for (auto it = known_.lower_bound(kind); it != known_.end() && it->first.starts_with(kind); ++it) {
      if (it->second.list == list.path && !seen_.contains(it->first)) gone.push_back(it->first);
    }
    for (const std::string& key : gone) Delete(key, now, batch);
  }
  seen_.clear();
  done_ = {list.stage, list.path};
  WritePosition(batch);
}

void EntityWalk::Delete(const std::string& key, EventTime now, FeedBatch* batch) {
  const auto found = known_.find(key);
  if (!found->second.version.empty()) batch->records.push_back({key, std::nullopt, now});
  known_.erase(found);
  batch->positions[key] = std::nullopt;
  const std::string kind = KindOf(key);
  if (kind != kOrganization.name && kind != kAdAccount.name) return;
  const std::string below =
      (kind == kOrganization.name ? "organizations/" : "adaccounts/") + PercentEncoded(IdOf(key)) + "/";
  std::vector<std::string> children;
  for (const auto& [child, known] : known_) {
    if (known.list.starts_with(below)) children.push_back(child);
  }
  for (const std::string& child : children) {
    if (known_.contains(child)) Delete(child, now, batch);
  }
}

void EntityWalk::End(FeedBatch* batch) {
  under_way_ = false;
  WritePosition(batch);
}

void EntityWalk::WritePosition(FeedBatch* batch) const {
  json::object position{{"began", began_->value()}};
  if (under_way_) {
    position["stage"] = done_.first;
    position["path"] = done_.second;
  } else {
    position["ended"] = true;
  }
  batch->positions[kPosition] = json::serialize(position);
}

}  // namespace millrace
