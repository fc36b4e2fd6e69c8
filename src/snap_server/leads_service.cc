#include "snap_server/leads_service.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

namespace millrace::snap {
namespace {

constexpr double kUsualDuplicates = 0.1;

constexpr const char* kFirstNames[] = {"Ada", "Bela", "Chidi", "Dana", "Émile", "Fatima", "Göran", "Hana"};
constexpr const char* kLastNames[] = {"Abara",   "Berg",   "Castro", "Duval",
                                      "Eriksen", "Farouk", "Gupta",  "Ito"};

template <std::size_t n>
const char* OneOf(const char* const (&names)[n], Random& random) {
  return names[random.Below(n)];
}

template <typename Number>
std::optional<Number> ReadNumber(const std::string& text, Number otherwise) {
  if (text.empty()) return otherwise;
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

json::object Shown(const LeadsService::Integration& integration) {
  return {{"integrationId", JsonText(integration.id)},
          {"form_id", JsonText(integration.form_id)},
          {"webhook_url", JsonText(integration.url)},
          {"partner_type", "PUBLIC_WEBHOOK"}};
}

HttpResponse NoSuchIntegration(const ApiRequest& request) {
  return Refuse(request, {404, "there is no such integration", "E2002"});
}

}  // namespace

LeadsService::LeadsService(LeadsOptions options, const AccountTree& tree, const Clock& clock,
                           LeadDelivery& delivery)
    : options_(std::move(options)), tree_(tree), clock_(clock), delivery_(delivery), random_(options_.seed) {
  if (!options_.webhook_url.empty()) Add("form-1", options_.webhook_url, options_.webhook_secret);
}

void LeadsService::AddRoutes(Router* router) {
  const std::string integrations = "/v1/lead_gen/integrations/";
  router->Add("POST", integrations + "public_webhook", [this](const ApiRequest& r) { return Register(r); });
  router->Add("GET", integrations + "{id}/test", [this](const ApiRequest& r) { return SendTest(r); });
  router->Add("DELETE", integrations + "{id}", [this](const ApiRequest& r) { return Unregister(r); });
  router->Add("GET", "/v1/lead_gen/forms/{form}/integrations",
              [this](const ApiRequest& r) { return OfForm(r); });
  router->Add("POST", "/_leads", [this](const ApiRequest& r) { return SendMany(r); });
}

const LeadsService::Integration* LeadsService::first() const {
  return integrations_.empty() ? nullptr : &integrations_.begin()->second;
}

const LeadsService::Integration& LeadsService::Add(const std::string& form_id, const std::string& url,
                                                   const std::string& secret) {
  Integration integration;
  integration.id = "integration-" + std::to_string(random_.Next());
  integration.form_id = form_id;
  integration.url = url;
  integration.secret = secret.empty() ? "lead-secret-" + std::to_string(random_.Next()) : secret;
  return integrations_.emplace(integration.id, integration).first->second;
}

json::object LeadsService::RegisterOne(const json::value& item, bool* done) {
  *done = false;
  if (!item.is_object()) return FailedSubRequest("an integration must be an object");
  const std::string form_id = TextMember(item.get_object(), "form_id");
  const std::string url = TextMember(item.get_object(), "webhook_url");
  if (form_id.empty()) return FailedSubRequest("form_id is required");
  if (!url.starts_with("http://") && !url.starts_with("https://")) {
    return FailedSubRequest("webhook_url must be an address that begins with https://");
  }
  const bool taken = std::any_of(integrations_.begin(), integrations_.end(),
                                 [&form_id](const auto& known) { return known.second.form_id == form_id; });
  if (taken) return FailedSubRequest("form " + form_id + " has a webhook already");
  if (integrations_.size() >= kMaxIntegrations) return FailedSubRequest("there are too many integrations");
  const Integration& added = Add(form_id, url, "");
  *done = true;
  json::object shown = Shown(added);
  shown["hmacSecret"] = JsonText(added.secret);  // is not shown again
  return SubRequest("webhook_integration", std::move(shown));
}

HttpResponse LeadsService::Register(const ApiRequest& request) {
  const std::optional<json::value> body = ParseJson(request.body);
  const json::value* const list =
      body && body->is_object() ? Member(body->get_object(), "webhook_integrations") : nullptr;
  if (list == nullptr || !list->is_array() || list->get_array().empty()) {
    return Refuse(request, {400, "webhook_integrations must be a list"});
  }
  json::array answers;
  bool any = false;
  for (const json::value& item : list->get_array()) {
    bool done = false;
    answers.push_back(RegisterOne(item, &done));
    any = any || done;
  }
  if (!any) return Refuse(request, {400, TextMember(answers[0].get_object(), "sub_request_error_reason")});
  return Succeed(request, {{"webhook_integrations", std::move(answers)}});
}

HttpResponse LeadsService::Unregister(const ApiRequest& request) {
  if (integrations_.erase(request.PathValue("id")) == 0) return NoSuchIntegration(request);
  return Succeed(request, {});
}

HttpResponse LeadsService::OfForm(const ApiRequest& request) const {
  const std::string type = request.Query("partner_type");
  json::array found;
  for (const auto& [id, integration] : integrations_) {
    const bool wanted = type.empty() || type == "PUBLIC_WEBHOOK";
    if (wanted && integration.form_id == request.PathValue("form")) {
      found.push_back(SubRequest("webhook_integration", Shown(integration)));
    }
  }
  return Succeed(request, {{"webhook_integrations", std::move(found)}});
}

HttpResponse LeadsService::SendTest(const ApiRequest& request) {
  const auto found = integrations_.find(request.PathValue("id"));
  if (found == integrations_.end()) return NoSuchIntegration(request);
  if (const Status status = SendLead(found->second, true, 1); !status.ok()) {
    return Refuse(request, {503, status.message()});
  }
  return Succeed(request, {});
}

HttpResponse LeadsService::SendMany(const ApiRequest& request) {
  const std::optional<std::int64_t> count = ReadNumber<std::int64_t>(request.Query("count"), 1);
  const std::optional<double> duplicates = ReadNumber(request.Query("duplicates"), kUsualDuplicates);
  if (!count || *count < 1 || *count > kMaxCount)
    return Refuse(request, {400, "count must be from 1 to 10000"});
  if (!duplicates || !(*duplicates >= 0 && *duplicates <= 1)) {
    return Refuse(request, {400, "duplicates must be a share from 0 to 1"});
  }
  std::vector<const Integration*> to;
  const std::string form = request.Query("form_id");
  for (const auto& [id, integration] : integrations_) {
    if (form.empty() || integration.form_id == form) to.push_back(&integration);
  }
  if (to.empty()) {
    return Refuse(request,
                  {409, "no webhook is registered; POST /v1/lead_gen/integrations/public_webhook does it"});
  }
  std::int64_t twice = 0;
  for (std::int64_t i = 0; i < *count; ++i) {
    const bool repeated = random_.Fraction() < *duplicates;
    twice += repeated ? 1 : 0;
    const Integration& integration = *to[static_cast<std::size_t>(i) % to.size()];
    if (const Status status = SendLead(integration, false, repeated ? 2 : 1); !status.ok()) {
      return Refuse(request, {503, status.message()});
    }
  }
  return JsonAnswer(202, json::object{{"leads", *count}, {"sent_twice", twice}});
}

json::object LeadsService::MakeLead(const Integration& integration, bool test) {
  const Entity& account = *tree_.accounts().front();
  const Entity& ad = *tree_.Below(account, Kind::kAd).front();
  const Entity& squad = *ad.parent;
  const Entity& campaign = *squad.parent;
  const std::string first_name = OneOf(kFirstNames, random_);
  const std::string last_name = OneOf(kLastNames, random_);
  const std::string number = std::to_string(++leads_made_);
  const std::string lead_id = (test ? "test-lead-" : "lead-") + number + "-" + std::to_string(random_.Next());
  return {{"lead_id", JsonText(lead_id)},
          {"create_time", JsonText(std::to_string(clock_.Now().value()))},
          {"form_id", JsonText(integration.form_id)},
          {"form_name", JsonText("Form " + integration.form_id)},
          {"ad_account_id", JsonText(account.id)},
          {"campaign_id", JsonText(campaign.id)},
          {"campaign_name", JsonText(campaign.name)},
          {"ad_squad_id", JsonText(squad.id)},
          {"ad_squad_name", JsonText(squad.name)},
          {"ad_id", JsonText(ad.id)},
          {"ad_name", JsonText(ad.name)},
          {"first_name", JsonText(first_name)},
          {"last_name", JsonText(last_name)},
          {"email", JsonText("person" + number + "@example.com")},
          {"phone_number", JsonText("+1415555" + std::to_string(1'000 + leads_made_ % 9'000))},
          {"postal_code", "94105"},
          {"consent_1", random_.OneIn(4) ? "false" : "true"}};
}

Status LeadsService::SendLead(const Integration& integration, bool test, int times) {
  const json::object lead = MakeLead(integration, test);
  OutgoingLead outgoing;
  outgoing.lead_id = TextMember(lead, "lead_id");
  outgoing.url = integration.url;
  outgoing.body = json::serialize(lead);
  outgoing.headers = {{"Content-Type", "application/json"},
                      {options_.signature.header, options_.signature.Of(integration.secret, outgoing.body)}};
  for (int i = 0; i < times; ++i) MR_RETURN_IF_ERROR(delivery_.Add(outgoing));
  return Status::Ok();
}

}  // namespace millrace::snap
