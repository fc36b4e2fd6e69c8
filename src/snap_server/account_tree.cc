#include "snap_server/account_tree.h"

#include <array>
#include <cstdio>

#include "base/check.h"
#include "snap_server/mixed_hash.h"

namespace millrace::snap {
namespace {

constexpr KindNames kKindNames[] = {{Kind::kOrganization, "organizations", "organization", "ORGANIZATION"},
                                    {Kind::kAccount, "adaccounts", "adaccount", "AD_ACCOUNT"},
                                    {Kind::kCampaign, "campaigns", "campaign", "CAMPAIGN"},
                                    {Kind::kSquad, "adsquads", "adsquad", "AD_SQUAD"},
                                    {Kind::kAd, "ads", "ad", "AD"},
                                    {Kind::kCreative, "creatives", "creative", "CREATIVE"},
                                    {Kind::kMedia, "media", "media", "MEDIA"},
                                    {Kind::kPixel, "pixels", "pixel", "PIXEL"}};

constexpr std::int64_t kHour_ms = 3'600'000;
/// 2024-01-01T08:00:00Z, when the organization was made; each further thing came an hour later.
constexpr std::int64_t kFirst_ms = 1'704'096'000'000;

/// In the form of a UUID, version 4.
std::string MadeUpId(std::uint64_t seed, std::uint64_t number) {
  const std::uint64_t high = Mixed(seed, number * 2);
  const std::uint64_t low = Mixed(seed, number * 2 + 1);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%08x-%04x-4%03x-a%03x-%012llx", static_cast<unsigned>(high >> 32U),
                static_cast<unsigned>(high >> 16U) & 0xffffU, static_cast<unsigned>(high) & 0xfffU,
                static_cast<unsigned>(low >> 48U) & 0xfffU,
                static_cast<unsigned long long>(low & 0xffffffffffffULL));
  return text.data();
}

bool IsBelow(const Entity& entity, const Entity& above) {
  for (const Entity* at = entity.parent; at != nullptr; at = at->parent) {
    if (at == &above) return true;
  }
  return false;
}

}  // namespace

struct AccountTree::AccountShape {
  std::string name;
  TimeZone zone;
  std::string_view currency;
  int campaigns;
  bool forbidden = false;
};

const KindNames& NamesOf(Kind kind) {
  for (const KindNames& names : kKindNames) {
    if (names.kind == kind) return names;
  }
  MR_CHECK(false) << "a kind without names";
  return kKindNames[0];
}

std::int64_t Entity::Changes(EventTime now) const {
  const std::int64_t age = now.value() - created_at.value();
  return age <= 0 ? 0 : age / period.count();
}

EventTime Entity::UpdatedAt(EventTime now) const {
  return EventTime(created_at.value() + Changes(now) * period.count());
}

AccountTree::AccountTree(std::uint64_t seed) : seed_(seed) {
  Add(Kind::kOrganization, nullptr, "Mill & Race Ltd");
  AddAccount({"Los Angeles", kLosAngeles, "USD", 60});
  AddAccount({"New York", kNewYork, "USD", 3});
  AddAccount({"Berlin", kBerlin, "EUR", 3});
  AddAccount({"Kolkata", kKolkata, "INR", 2});
  AddAccount({"Sydney", kSydney, "AUD", 2});
  AddAccount({"Not ours", kLosAngeles, "USD", 1, true});
}

Entity& AccountTree::Add(Kind kind, const Entity* parent, const std::string& name) {
  const std::uint64_t number = entities_.size();
  Entity entity{kind, MadeUpId(seed_, number), name,
                EventTime(kFirst_ms + static_cast<std::int64_t>(number) * kHour_ms),
                Duration(kHour_ms * static_cast<std::int64_t>(24 + number % 72))};
  entity.parent = parent;
  if (parent != nullptr) entity.account = parent->account;
  entities_.push_back(std::move(entity));
  Entity& added = entities_.back();
  if (kind == Kind::kAccount) added.account = &added;
  by_id_[added.id] = &added;
  return added;
}

void AccountTree::AddAccount(const AccountShape& shape) {
  Entity& account = Add(Kind::kAccount, &organization(), shape.name);
  account.zone = shape.zone;
  account.currency = shape.currency;
  account.forbidden = shape.forbidden;
  Add(Kind::kPixel, &account, shape.name + " pixel");
  for (int i = 1; i <= shape.campaigns; ++i) AddCampaign(account, i, 2, 2);
}

void AccountTree::AddCampaign(const Entity& account, int number, int squads, int ads) {
  const std::string suffix = " " + std::to_string(number);
  const Entity& media = Add(Kind::kMedia, &account, "Video" + suffix);
  Entity& creative = Add(Kind::kCreative, &account, "Creative" + suffix);
  creative.media = &media;
  const Entity& campaign = Add(Kind::kCampaign, &account, "Campaign" + suffix);
  for (int squad_number = 1; squad_number <= squads; ++squad_number) {
    const std::string squad_suffix = suffix + "." + std::to_string(squad_number);
    const Entity& squad = Add(Kind::kSquad, &campaign, "Ad squad" + squad_suffix);
    for (int ad = 1; ad <= ads; ++ad) {
      Add(Kind::kAd, &squad, "Ad" + squad_suffix + "." + std::to_string(ad)).creative = &creative;
    }
  }
}

const Entity* AccountTree::Find(Kind kind, std::string_view id) const {
  const auto found = by_id_.find(id);
  return found != by_id_.end() && found->second->kind == kind ? found->second : nullptr;
}

std::vector<const Entity*> AccountTree::Below(const Entity& above, Kind kind) const {
  std::vector<const Entity*> below;
  for (const Entity& entity : entities_) {
    if (entity.kind == kind && IsBelow(entity, above)) below.push_back(&entity);
  }
  return below;
}

}  // namespace millrace::snap
