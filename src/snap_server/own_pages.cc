#include "snap_server/own_pages.h"

#include <charconv>
#include <optional>
#include <utility>

#include "snap_server/page.h"

namespace millrace::snap {
namespace {

constexpr std::size_t kOfPage = 20;

json::object Totals(const ReceivedEvents::Sums& sums) {
  return {{"accepted", sums.accepted},
          {"counted", sums.counted},
          {"repeated", sums.repeated},
          {"repeated_with_another_body", sums.changed},
          {"forgotten", sums.forgotten}};
}

template <typename Value>
json::object ByName(const std::map<std::string, Value>& values) {
  json::object object;
  for (const auto& [name, value] : values) object[name] = value;
  return object;
}

std::optional<std::size_t> ReadLimit(const std::string& text) {
  if (text.empty()) return OwnPages::kUsualLimit;
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return limit;
}

}  // namespace

void OwnPages::AddRoutes(Router* router) {
  router->Add("GET", "/", [this](const ApiRequest&) { return Page(); });
  router->Add("GET", "/_received", [this](const ApiRequest& r) { return ShowReceived(r); });
  router->Add("GET", "/_faults", [this](const ApiRequest&) { return ShowFaults(); });
  router->Add("POST", "/_faults", [this](const ApiRequest& r) { return SetFaults(r); });
  router->Add("POST", "/_reset", [this](const ApiRequest&) { return Reset(); });
}

json::object OwnPages::Received(std::size_t limit, bool with_bodies) const {
  return {{"events", parts_.events->Newest(limit, with_bodies)},
          {"totals", Totals(parts_.events->sums())},
          {"segments", parts_.segments->Received(limit)},
          {"leads", parts_.leads->Received(limit)},
          {"requests", parts_.requests->ByRoute()},
          {"errors", parts_.requests->Refusals()},
          {"faults", ByName(parts_.faults->counts())}};
}

HttpResponse OwnPages::Page() const {
  return {200, MakePage(Received(kOfPage, true)), "text/html; charset=utf-8"};
}

HttpResponse OwnPages::ShowReceived(const ApiRequest& request) const {
  const std::optional<std::size_t> limit = ReadLimit(request.Query("limit"));
  if (!limit) return Refuse(request, {400, "limit must be a number"});
  return JsonAnswer(200, Received(*limit, request.Query("bodies") != "false"));
}

HttpResponse OwnPages::ShowFaults() const { return JsonAnswer(200, ByName(parts_.faults->rates())); }

HttpResponse OwnPages::SetFaults(const ApiRequest& request) {
  const std::optional<json::value> body = ParseJson(request.body);
  if (!body || !body->is_object()) return Refuse(request, {400, "send JSON such as {\"429\": 0.5}"});
  Faults tried = *parts_.faults;  // all or nothing
  for (const auto& member : body->get_object()) {
    const std::string name(member.key().data(), member.key().size());
    if (!member.value().is_number())
      return Refuse(request, {400, "the rate of fault '" + name + "' is no number"});
    if (const Status status = tried.Set(name, member.value().to_number<double>()); !status.ok()) {
      return Refuse(request, {400, status.message()});
    }
  }
  *parts_.faults = std::move(tried);
  return ShowFaults();
}

HttpResponse OwnPages::Reset() {
  parts_.events->Clear();
  parts_.conversions->Clear();
  parts_.segments->Clear();
  parts_.leads->Clear();
  parts_.requests->Clear();
  parts_.faults->ForgetCounts();
  return JsonAnswer(200, json::object{{"reset", true}});
}

}  // namespace millrace::snap
