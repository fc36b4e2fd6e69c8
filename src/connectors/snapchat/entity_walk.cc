#include "connectors/snapchat/entity_walk.h"

#include <boost/json.hpp>

#include "connectors/snapchat/marketing_page.h"

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
  for (EntityList& list : tree_.Lists(*this)) {
    const auto place = [](const EntityList& at) { return std::pair(at.stage, at.path); };
    if (place(list) > done_ && (!next || place(list) < place(*next))) next = std::move(list);
  }
  return next;
}

std::vector<std::string> EntityWalk::IdsOf(const EntityKind& kind) const {
  const std::string begin = std::string(kind.name) + "/";
  std::vector<std::string> ids;
  for (auto it = known_.lower_bound(begin); it != known_.end() && it->first.starts_with(begin); ++it)
    ids.push_back(IdOf(it->first));
  return ids;
}

std::string EntityWalk::ListOf(const EntityKind& kind, const std::string& id) const {
  return known_.at(std::string(kind.name) + "/" + id).list;
}

bool EntityWalk::Note(const EntityList& list, const std::string& key, const std::string& version,
                      FeedBatch* batch) {
  seen_.insert(key);
  const std::string wanted = tree_.IsWanted(*list.kind) ? version : "";
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
  const std::string below = tree_.PathBelow(KindOf(key), IdOf(key));
  if (below.empty()) return;
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
