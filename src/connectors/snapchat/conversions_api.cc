#include "connectors/snapchat/conversions_api.h"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>

#include "connectors/snapchat/token_complaint.h"
#include "http/redact.h"
#include "http/retry_class.h"

namespace millrace {
namespace {

namespace json = boost::json;

constexpr std::string_view kHead = R"({"data":[)";
constexpr const char* kRenewToken = "renew the access token";
constexpr const char* kCheckUrl = "check the url and the id of the pixel or app";
constexpr const char* kAnswersInPlace =
    "that is no answer of Snap's: check the url and what stands between here and Snap";

/// What a response says of itself.
struct Answer {
  bool is_json = false;  // an object
  std::string status;    // in upper case; "" when the body has none
  std::string reason;    // and the codes and messages of its errors
  bool about_token = false;
  std::vector<std::string> of_events;  // errors of each; empty when the body does not say them in order
};

std::string TextOf(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

void AddTo(std::string* text, const std::string& more) {
  if (more.empty()) return;
  *text += (text->empty() ? "" : "; ") + more;
}

void AddErrors(const json::object& object, std::string* text) {
  const json::value* const errors = object.if_contains("errors");
  if (errors == nullptr || !errors->is_object()) return;
  for (const char* name : {"codes", "error_msgs"}) {
    const json::value* const list = errors->get_object().if_contains(name);
    if (list == nullptr || !list->is_array()) continue;
    std::string all;
    for (const json::value& entry : list->get_array()) all += (all.empty() ? "" : ", ") + TextOf(entry);
    AddTo(text, all);
  }
}

std::string UpperText(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(json::string_view(name.data(), name.size()));
  if (value == nullptr || !value->is_string()) return "";
  std::string text = TextOf(*value);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return text;
}

/// Of the log of a validation: empty when it does not have each event in its place, or finds nothing wrong.
std::vector<std::string> ErrorsOfEvents(const json::array& logs) {
  std::vector<std::string> errors;
  bool all_valid = true;
  for (const json::value& entry : logs) {
    if (!entry.is_object()) return {};
    const json::object& log = entry.get_object();
    const json::value* const event = log.if_contains("event");
    const std::string status = UpperText(log, "status");
    const bool in_place = event != nullptr && event->is_int64() &&
                          event->get_int64() == static_cast<std::int64_t>(errors.size());
    if (!in_place || (status != "VALID" && status != "INVALID")) return {};
    std::string said;
    if (status == "INVALID") {
      said = status;
      std::string reasons;
      AddErrors(log, &reasons);
      if (!reasons.empty()) said += ": " + reasons;
      all_valid = false;
    }
    errors.push_back(std::move(said));
  }
  return all_valid ? std::vector<std::string>() : errors;
}

Answer Read(const std::string& body) {
  Answer answer;
  json::error_code error;
  const json::value value = json::parse(body, error);
  if (error || !value.is_object()) return answer;
  const json::object& object = value.get_object();
  answer.is_json = true;
  answer.status = UpperText(object, "status");
  if (const json::value* const reason = object.if_contains("reason"); reason != nullptr && !reason->is_null())
    answer.reason = TextOf(*reason);
  answer.about_token = IsAboutToken(answer.reason);
  AddErrors(object, &answer.reason);
  if (const json::value* const logs = object.if_contains("event_logs"); logs != nullptr && logs->is_array()) {
    for (const json::value& log : logs->get_array()) {
      if (log.is_object()) AddErrors(log.get_object(), &answer.reason);
    }
    answer.of_events = ErrorsOfEvents(logs->get_array());
  }
  return answer;
}

std::string SaidBy(const ClientResponse& response, const Answer& answer) {
  std::string text = "HTTP " + std::to_string(response.status);
  if (!answer.status.empty()) text += ", " + answer.status;
  const std::string& said = answer.status.empty() && answer.reason.empty() ? response.body : answer.reason;
  if (!said.empty()) text += ": " + said;
  return text;
}

BatchVerdict Refused(const ClientResponse& response, const Answer& answer, std::string said) {
  BatchVerdict verdict{BatchVerdict::Kind::kRefused, std::move(said)};
  for (const std::string& errors : answer.of_events)
    verdict.of_items.push_back(errors.empty() ? ""
                                              : "HTTP " + std::to_string(response.status) + ", " + errors);
  return verdict;
}

}  // namespace

ConversionsApi::ConversionsApi(ConversionsApiOptions options)
    : options_(std::move(options)),
      tail_(options_.test_event_code.empty()
                ? "]}"
                : R"(],"test_event_code":)" + json::serialize(json::value(options_.test_event_code)) + "}") {}

ClientRequest ConversionsApi::Request(const std::string& group, std::span<const std::string_view> items,
                                      const std::string& token) const {
  ClientRequest request{.method = "POST",
                        .url = options_.url + "/v3/" + PercentEncoded(group) +
                               (options_.validate ? "/events/validate" : "/events"),
                        .headers = {{"Content-Type", "application/json"}}};
  if (options_.token_in_header) {
    request.headers.emplace_back("Authorization", "Bearer " + token);
  } else {
    request.url += "?access_token=" + PercentEncoded(token);
  }
  std::size_t bytes = kHead.size() + tail_.size() + items.size();
  for (const std::string_view item : items) bytes += item.size();
  request.body.reserve(bytes);
  request.body = kHead;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) request.body += ',';
    request.body += items[i];
  }
  request.body += tail_;
  return request;
}

std::int64_t ConversionsApi::EnvelopeBytes() const {
  return static_cast<std::int64_t>(kHead.size() + tail_.size());
}

BatchVerdict ConversionsApi::Judge(const ClientResponse& response) const {
  using Kind = BatchVerdict::Kind;
  const Answer answer = Read(response.body);
  const std::string said = SaidBy(response, answer);
  constexpr int kNotFound = 404;
  constexpr int kNotAllowed = 405;
  constexpr int kTooLarge = 413;  // also a proxy says it of this request alone: a smaller one may pass
  const bool in_place = !answer.is_json && !response.body.empty() && response.status != kTooLarge;
  switch (RetryClassOf(response.status)) {
    case RetryClass::kDone:
      if (answer.status == "VALID" || answer.status == "SUCCESS") return {};
      if (answer.about_token) return {Kind::kUnauthorized, said, kRenewToken};
      // Something else than Snap may have answered.
      if (answer.status.empty()) return {Kind::kRetry, said};
      return Refused(response, answer, said);
    case RetryClass::kRetry:
      return {Kind::kRetry, said};
    case RetryClass::kAuth:
      return {Kind::kUnauthorized, said, kRenewToken};
    case RetryClass::kForbidden:
      if (in_place) return {Kind::kBlocked, said, kAnswersInPlace};
      return {Kind::kForbidden, said,
              "the token has no right to this pixel or app: grant it, and the sink goes on by itself"};
    case RetryClass::kPermanent:
      break;
  }
  // A wrong URL would make dead letters of everything.
  if (response.status < 400 || response.status == kNotAllowed) return {Kind::kBlocked, said, kCheckUrl};
  if (response.status == kNotFound && !in_place) return {Kind::kForbidden, said, kCheckUrl};
  // That is how Snap refuses tokens, too: no event would be taken.
  if (answer.about_token) return {Kind::kUnauthorized, said, kRenewToken};
  // So would a proxy or a firewall that answers in Snap's place.
  if (in_place || (answer.status.empty() && response.status != kTooLarge))
    return {Kind::kBlocked, said, kAnswersInPlace};
  return Refused(response, answer, said);
}

}  // namespace millrace
