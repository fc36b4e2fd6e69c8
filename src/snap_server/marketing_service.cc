#include "snap_server/marketing_service.h"

#include <string>
#include <utility>

#include "snap_server/entity_json.h"
#include "snap_server/entity_lookup.h"
#include "snap_server/paging.h"

namespace millrace::snap {
namespace {

constexpr Kind kKinds[] = {Kind::kOrganization, Kind::kAccount,  Kind::kCampaign, Kind::kSquad,
                           Kind::kAd,           Kind::kCreative, Kind::kMedia,    Kind::kPixel};

/// Which lists there are below what.
constexpr std::pair<Kind, Kind> kLists[] = {
    {Kind::kOrganization, Kind::kAccount}, {Kind::kAccount, Kind::kCampaign},
    {Kind::kAccount, Kind::kSquad},        {Kind::kAccount, Kind::kAd},
    {Kind::kAccount, Kind::kCreative},     {Kind::kAccount, Kind::kMedia},
    {Kind::kAccount, Kind::kPixel},        {Kind::kCampaign, Kind::kSquad},
    {Kind::kCampaign, Kind::kAd},          {Kind::kSquad, Kind::kAd}};

std::string PathOf(Kind kind) { return "/v1/" + std::string(NamesOf(kind).plural) + "/{id}"; }

}  // namespace

void MarketingService::AddRoutes(Router* router) {
  router->Add("GET", "/v1/me/organizations", [this](const ApiRequest& r) { return Organizations(r); });
  for (const Kind kind : kKinds) {
    router->Add("GET", PathOf(kind), [this, kind](const ApiRequest& r) { return One(r, kind); });
  }
  for (const auto& [above, kind] : kLists) {
    router->Add(
        "GET", PathOf(above) + "/" + std::string(NamesOf(kind).plural),
        [this, above = above, kind = kind](const ApiRequest& r) { return ListBelow(r, above, kind); });
  }
}

HttpResponse MarketingService::Organizations(const ApiRequest& request) const {
  json::object organization = EntityJson(tree_.organization(), clock_.Now());
  if (request.Query("with_ad_accounts") == "true") {
    json::array accounts;
    for (const Entity* account : tree_.accounts()) accounts.push_back(EntityJson(*account, clock_.Now()));
    organization["ad_accounts"] = std::move(accounts);
  }
  json::array organizations{SubRequest("organization", std::move(organization))};
  return Succeed(request, {{"organizations", std::move(organizations)}});
}

HttpResponse MarketingService::One(const ApiRequest& request, Kind kind) const {
  const Lookup found = LookUp(tree_, kind, request.PathValue("id"));
  if (found.entity == nullptr) return Refuse(request, found.refusal);
  return List(request, kind, {found.entity});
}

HttpResponse MarketingService::ListBelow(const ApiRequest& request, Kind above, Kind kind) const {
  const Lookup found = LookUp(tree_, above, request.PathValue("id"));
  if (found.entity == nullptr) return Refuse(request, found.refusal);
  return List(request, kind, tree_.Below(*found.entity, kind));
}

HttpResponse MarketingService::List(const ApiRequest& request, Kind kind,
                                    const std::vector<const Entity*>& entities) const {
  const Result<Page> page = ReadPage(request, entities.size(), kMarketingPages);
  if (!page.ok()) return Refuse(request, {400, page.status().message()});
  json::array items;
  for (std::size_t i = page->begin; i < page->end; ++i) {
    items.push_back(SubRequest(NamesOf(kind).singular, EntityJson(*entities[i], clock_.Now())));
  }
  json::object content;
  content["paging"] =
      page->next_link.empty() ? json::object() : json::object{{"next_link", JsonText(page->next_link)}};
  content[json::string_view(NamesOf(kind).plural.data(), NamesOf(kind).plural.size())] = std::move(items);
  return Succeed(request, std::move(content));
}

}  // namespace millrace::snap
