#include "snap_server/profile_service.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "snap_server/mixed_hash.h"
#include "snap_server/paging.h"
#include "snap_server/profile_stats.h"
#include "snap_server/time_text.h"

namespace millrace::snap {
namespace {

constexpr std::size_t kProfiles = 3;
constexpr std::int64_t kHour_ms = 3'600'000;
constexpr std::int64_t kDay_ms = 24 * kHour_ms;
/// Snap keeps them; this stand-in shows the last of them.
constexpr std::int64_t kStays_ms = 90 * kDay_ms;

std::string MadeUpProfileId(std::uint64_t seed, std::size_t number) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%08x-0000-4000-a000-%012zu",
                static_cast<unsigned>(Mixed(seed, HashOf("profile")) >> 32U), number);
  return text.data();
}

json::object Paging(const Page& page) {
  if (page.next_link.empty()) return {};
  return {{"next_page_id", JsonText(page.next_cursor)}, {"next_link", JsonText(page.next_link)}};
}

json::object MediaOf(const ApiRequest& request, const std::string& id) {
  const std::string file = request.base_url + "/media/" + id;
  return {{"media_type", "MEDIA_TYPE_VIDEO"},
          {"media_url", JsonText(file + ".mp4")},
          {"thumbnail_url", JsonText(file + ".jpg")}};
}

HttpResponse NoSuchProfile(const ApiRequest& request) {
  return Refuse(request, {404, "there is no such public profile", "E2002"});
}

}  // namespace

const ProfileService::Content ProfileService::kContents[4] = {
    {"stories", "story", 5 * kHour_ms, kDay_ms},
    {"saved_stories", "saved_story", 7 * kDay_ms, kStays_ms},
    {"spotlights", "spotlight", 2 * kDay_ms, kStays_ms},
    {"shared_snaps", "shared_snap", 10 * kDay_ms, kStays_ms}};

ProfileService::ProfileService(const AccountTree& tree, const Clock& clock, ProfileOptions options)
    : tree_(tree), clock_(clock), options_(std::move(options)) {
  for (std::size_t i = 0; i < kProfiles; ++i) ids_.push_back(MadeUpProfileId(options_.seed, i + 1));
}

bool ProfileService::IsForbidden(const std::string& id) const {
  const std::vector<std::string>& forbidden = options_.forbidden;
  return id == ids_.back() || std::find(forbidden.begin(), forbidden.end(), id) != forbidden.end();
}

std::optional<HttpResponse> ProfileService::Refusal(const ApiRequest& request) const {
  const std::vector<std::string>& forbidden = options_.forbidden;
  if (std::find(forbidden.begin(), forbidden.end(), kWholeApi) != forbidden.end())
    return Refuse(request, {403, "this app has no access to the Public Profile API", "E3002"});
  const auto id = request.path_values.find("id");
  if (id == request.path_values.end() || !IsForbidden(id->second)) return std::nullopt;
  return Refuse(request, {403, "Caller does not have permission", "E3002"});
}

void ProfileService::AddRoute(Router* router, const std::string& path, Answer answer) {
  router->Add("GET", path, [this, answer](const ApiRequest& request) {
    const std::optional<HttpResponse> refusal = Refusal(request);
    return refusal ? *refusal : (this->*answer)(request);
  });
}

void ProfileService::AddRoutes(Router* router) {
  AddRoute(router, "/v1/me/public_profiles", &ProfileService::Profiles);
  AddRoute(router, "/v1/organizations/{organization}/public_profiles", &ProfileService::Profiles);
  AddRoute(router, "/v1/public_profiles/my_profile", &ProfileService::Mine);
  const std::string one = "/v1/public_profiles/{id}";
  AddRoute(router, one, &ProfileService::One);
  AddRoute(router, one + "/stats", &ProfileService::Stats);
  for (const Content& content : kContents) {
    router->Add("GET", one + "/" + content.plural, [this, &content](const ApiRequest& request) {
      const std::optional<HttpResponse> refusal = Refusal(request);
      return refusal ? *refusal : Published(request, content);
    });
  }
}

std::size_t ProfileService::Find(const std::string& id) const {
  return static_cast<std::size_t>(std::find(ids_.begin(), ids_.end(), id) - ids_.begin());
}

json::object ProfileService::Profile(std::size_t number) const {
  const std::string name = "Mill & Race " + std::to_string(number + 1);
  return {{"id", JsonText(ids_[number])},
          {"organization_id", JsonText(tree_.organization().id)},
          {"display_name", JsonText(name)},
          {"category", "CATEGORY_V3_PRODUCT_BRAND"},
          {"country", "US"},
          {"snap_user_name", JsonText("millrace" + std::to_string(number + 1))},
          {"profile_type", "PUBLIC_PROFILE"},
          {"profile_tier", "TIER_PUBLIC"},
          {"internal_profile_category", "BUSINESS"},
          {"subscriber_count", "10000"},
          {"spotlight_views", JsonText(std::to_string(500 * (number + 1)))},
          {"share_authorized_data_with_api_partners", true}};
}

HttpResponse ProfileService::Profiles(const ApiRequest& request) const {
  const auto organization = request.path_values.find("organization");
  if (organization != request.path_values.end() && organization->second != tree_.organization().id) {
    return Refuse(request, {403, "Caller does not have permission", "E3002"});
  }
  const Result<Page> page = ReadPage(request, ids_.size(), kProfilePages);
  if (!page.ok()) return Refuse(request, {400, page.status().message()});
  json::array profiles;
  for (std::size_t i = page->begin; i < page->end; ++i)
    profiles.push_back(SubRequest("public_profile", Profile(i)));
  return Succeed(request, {{"paging", Paging(*page)}, {"public_profiles", std::move(profiles)}});
}

HttpResponse ProfileService::One(const ApiRequest& request) const {
  const std::size_t number = Find(request.PathValue("id"));
  if (number == ids_.size()) return NoSuchProfile(request);
  json::array profiles{SubRequest("public_profile", Profile(number))};
  return Succeed(request, {{"public_profiles", std::move(profiles)}});
}

HttpResponse ProfileService::Mine(const ApiRequest& request) const {
  return Succeed(request, {{"public_profile", Profile(0)}});
}

HttpResponse ProfileService::Published(const ApiRequest& request, const Content& content) const {
  const std::string& profile = request.PathValue("id");
  if (Find(profile) == ids_.size()) return NoSuchProfile(request);
  const std::int64_t now = clock_.Now().value();
  const std::int64_t last = now / content.every_ms;
  const std::int64_t first = (now - content.kept_ms) / content.every_ms + 1;  // the others are gone
  const Result<Page> page = ReadPage(request, static_cast<std::size_t>(last - first + 1), kProfilePages);
  if (!page.ok()) return Refuse(request, {400, page.status().message()});
  json::array items;
  for (std::size_t i = page->begin; i < page->end; ++i) {
    const std::int64_t number = first + static_cast<std::int64_t>(i);
    const std::string id = std::string(content.singular) + "-" + profile.substr(profile.size() - 2) + "-" +
                           std::to_string(number);
    json::object item{{"id", JsonText(id)},
                      {"profile_id", JsonText(profile)},
                      {"created_at", JsonText(UtcText(EventTime(number * content.every_ms)))},
                      {"media_metadata", MediaOf(request, id)}};
    items.push_back(SubRequest(content.singular, std::move(item)));
  }
  return Succeed(request, {{"paging", Paging(*page)}, {content.plural, std::move(items)}});
}

HttpResponse ProfileService::Stats(const ApiRequest& request) const {
  const std::string& profile = request.PathValue("id");
  if (Find(profile) == ids_.size()) return NoSuchProfile(request);
  Result<json::object> stats = ProfileStats(request, profile, clock_.Now());
  if (!stats.ok()) return Refuse(request, {400, stats.status().message(), "E1008"});
  return Succeed(request, *std::move(stats));
}

}  // namespace millrace::snap
