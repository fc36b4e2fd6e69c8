#include "snap_server/conversions_service.h"

#include <algorithm>
#include <utility>

#include "snap_server/conversion_rules.h"

namespace millrace::snap {
namespace {

constexpr std::int64_t kMinute_ms = 60'000;
constexpr std::int64_t kDay_ms = 24LL * 60 * kMinute_ms;
constexpr const char* kDone = "Events have been processed successfully.";

/// The events of a request, or what is wrong with its form.
struct Body {
  json::array events;
  bool test = false;
  std::string problem;
};

Body ReadBody(const std::string& text) {
  std::optional<json::value> value = ParseJson(text);
  if (!value || !value->is_object()) return {{}, false, "the body must be a JSON object"};
  json::value* const data = value->get_object().if_contains("data");
  if (data == nullptr || !data->is_array())
    return {{}, false, "missing required field data: a list of events"};
  Body body{std::move(data->get_array()), !TextMember(value->get_object(), "test_event_code").empty(), ""};
  if (body.events.empty()) {
    body.problem = "data has no events";
  } else if (body.events.size() > ConversionsService::kMaxEvents) {
    body.problem = "data has " + std::to_string(body.events.size()) + " events; a request may have 2000";
  }
  return body;
}

json::array Texts(const std::vector<std::string>& texts) {
  json::array array;
  for (const std::string& text : texts) array.push_back(JsonText(text));
  return array;
}

json::object Errors(const std::vector<std::string>& messages) {
  json::array codes;
  for (std::size_t i = 0; i < messages.size(); ++i) codes.push_back(JsonText(kConversionErrorCode));
  return {{"codes", std::move(codes)}, {"error_msgs", Texts(messages)}};
}

bool Contains(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace

ConversionsService::ConversionsService(ConversionsOptions options, const Clock& clock,
                                       ReceivedEvents& received)
    : options_(std::move(options)), clock_(clock), received_(received) {}

void ConversionsService::AddRoutes(Router* router) {
  router->Add("POST", "/v3/{asset}/events", [this](const ApiRequest& r) { return TakeEvents(r); });
  router->Add("POST", "/v3/{asset}/events/validate", [this](const ApiRequest& r) { return Validate(r); });
  router->Add("GET", "/v3/{asset}/events/validate/logs", [this](const ApiRequest& r) { return Logs(r); });
  router->Add("GET", "/v3/{asset}/events/validate/stats", [this](const ApiRequest& r) { return Stats(r); });
}

void ConversionsService::Clear() {
  assets_.clear();
  validated_.clear();
}

std::optional<Refusal> ConversionsService::RefuseWhole(const ApiRequest& request) const {
  const std::string& asset = request.PathValue("asset");
  if (Contains(options_.forbidden, asset)) {
    return Refusal{403, "the access token has no permission for asset " + asset};
  }
  if (!options_.assets.empty() && !Contains(options_.assets, asset)) {
    return Refusal{403, "asset " + asset + " does not exist or belongs to another organization"};
  }
  if (request.body.size() > static_cast<std::size_t>(options_.max_body.value())) {
    return Refusal{413, "the body has more than " + FormatByteSize(options_.max_body)};
  }
  if (FindHeader(request.headers, "Content-Encoding") != nullptr) {
    return Refusal{415, "encoded bodies are not documented; send plain JSON"};
  }
  return std::nullopt;
}

HttpResponse ConversionsService::TakeEvents(const ApiRequest& request) {
  if (const auto refusal = RefuseWhole(request)) return Refuse(request, *refusal);
  const std::string& asset = request.PathValue("asset");
  const EventTime now = clock_.Now();
  const Body body = ReadBody(request.body);
  if (!body.problem.empty()) return Refuse(request, {400, body.problem});
  for (std::size_t i = 0; i < body.events.size(); ++i) {
    const Findings findings = CheckEvent(body.events[i], now);
    if (findings.errors.empty()) continue;
    return JsonAnswer(400, json::object{{"status", "INVALID"},
                                        {"event", i},
                                        {"reason", JsonText(findings.errors.front())},
                                        {"errors", Errors(findings.errors)}});
  }
  for (const json::value& event : body.events) received_.Add(asset, event.get_object(), body.test, now);
  NoteActivity(asset, body.test, body.events.size());
  return JsonAnswer(200, json::object{{"status", "VALID"}, {"reason", kDone}});
}

HttpResponse ConversionsService::Validate(const ApiRequest& request) {
  if (const auto refusal = RefuseWhole(request)) return Refuse(request, *refusal);
  const std::string& asset = request.PathValue("asset");
  const Body body = ReadBody(request.body);
  if (!body.problem.empty()) return Refuse(request, {400, body.problem});
  json::array logs;
  std::string problem;
  for (std::size_t i = 0; i < body.events.size(); ++i) {
    const Findings findings = CheckEvent(body.events[i], clock_.Now());
    const bool good = findings.errors.empty();
    if (!good && problem.empty()) problem = findings.errors.front();
    LogValidated(asset, body.events[i], findings);
    json::object log{{"event", i}, {"status", good ? "VALID" : "INVALID"}};
    if (!good) log["errors"] = Errors(findings.errors);
    log["warnings"] = Texts(findings.warnings);
    logs.push_back(std::move(log));
  }
  NoteActivity(asset, true, body.events.size());
  return JsonAnswer(problem.empty() ? 200 : 400,
                    json::object{{"status", problem.empty() ? "VALID" : "INVALID"},
                                 {"test_event", true},
                                 {"reason", JsonText(problem.empty() ? kDone : problem)},
                                 {"event_logs", std::move(logs)}});
}

void ConversionsService::LogValidated(const std::string& asset, const json::value& value,
                                      const Findings& findings) {
  json::object entry{{"asset_id", JsonText(asset)}};
  if (value.is_object()) {
    const json::object& event = value.get_object();
    for (const char* name : {"event_name", "action_source", "integration"}) {
      entry[name] = JsonText(TextMember(event, name));
    }
    const json::value* const time = Member(event, "event_time");
    entry["event_time"] = time == nullptr ? json::string() : json::string(json::serialize(*time));
    entry["raw_event_name"] = entry["event_name"];
    entry["event_metadata"] = json::object{{"pixel_id", JsonText(asset)}, {"conversion_info", event}};
  }
  entry["status"] = findings.errors.empty() ? "VALID" : "INVALID";
  entry["error_records"] = Texts(findings.errors);
  entry["warning_records"] = Texts(findings.warnings);
  validated_.push_back({clock_.Now(), asset, std::move(entry)});
  if (validated_.size() > kMaxLogged) validated_.pop_front();
}

HttpResponse ConversionsService::Logs(const ApiRequest& request) const {
  if (const auto refusal = RefuseWhole(request)) return Refuse(request, *refusal);
  json::array logs;
  for (const Logged& logged : validated_) {
    const bool recent = clock_.Now().value() - logged.at.value() < kDay_ms;
    if (recent && logged.asset == request.PathValue("asset")) logs.push_back(logged.entry);
  }
  return JsonAnswer(200, json::object{{"status", "SUCCESS"}, {"logs", std::move(logs)}});
}

void ConversionsService::NoteActivity(const std::string& asset, bool test, std::size_t events) {
  if (assets_.size() >= kMaxAssets && assets_.find(asset) == assets_.end()) return;
  Activity& activity = test ? assets_[asset].test : assets_[asset].live;
  const std::int64_t now = clock_.Now().value();
  activity.latest_ms = now;
  activity.by_minute[now / kMinute_ms] += static_cast<std::int64_t>(events);
  activity.by_minute.erase(activity.by_minute.begin(), activity.by_minute.lower_bound(now / kMinute_ms - 59));
}

json::object ConversionsService::Recent(const Activity& activity) const {
  std::int64_t events = 0;
  const std::int64_t first = clock_.Now().value() / kMinute_ms - 59;
  for (const auto& [minute, count] : activity.by_minute) events += minute >= first ? count : 0;
  return {{"event_count_past_hour", events}, {"latest_event_ts", activity.latest_ms}};
}

HttpResponse ConversionsService::Stats(const ApiRequest& request) const {
  if (const auto refusal = RefuseWhole(request)) return Refuse(request, *refusal);
  const auto found = assets_.find(request.PathValue("asset"));
  const Asset asset = found == assets_.end() ? Asset{} : found->second;
  return JsonAnswer(
      200, json::object{{"status", "SUCCESS"},
                        {"stats", json::object{{"test", Recent(asset.test)}, {"live", Recent(asset.live)}}}});
}

}  // namespace millrace::snap
