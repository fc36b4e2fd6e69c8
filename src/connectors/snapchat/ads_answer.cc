#include "connectors/snapchat/ads_answer.h"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>

#include "connectors/snapchat/token_complaint.h"
#include "http/retry_class.h"

namespace millrace {
namespace {

namespace json = boost::json;
using Kind = BatchVerdict::Kind;

/// "No access", whatever the HTTP status.
constexpr std::string_view kNoAccess = "E3002";
constexpr int kNotFound = 404;
constexpr int kNotAllowed = 405;
constexpr int kTooLarge = 413;  // also a proxy says it of this request alone: a smaller one may pass

json::object Parse(const std::string& body) {
  json::error_code error;
  const json::value value = json::parse(body, error);
  return error || !value.is_object() ? json::object() : value.get_object();
}

const json::value* Find(const json::object& object, std::string_view name) {
  return object.if_contains(json::string_view(name.data(), name.size()));
}

/// "" when there is no such text.
std::string Text(const json::object& object, std::string_view name) {
  const json::value* const value = Find(object, name);
  return value != nullptr && value->is_string()
             ? std::string(value->get_string().data(), value->get_string().size())
             : std::string();
}

std::string Upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return text;
}

std::vector<const json::object*> Entries(const json::object& answer, std::string_view list) {
  std::vector<const json::object*> entries;
  const json::value* const value = Find(answer, list);
  if (value == nullptr || !value->is_array()) return entries;
  for (const json::value& entry : value->get_array()) {
    if (entry.is_object()) entries.push_back(&entry.get_object());
  }
  return entries;
}

/// Of the first object that was not taken; nullopt when all were.
std::optional<std::string> ObjectNotTaken(const json::object& answer, std::string_view list) {
  for (const json::object* entry : Entries(answer, list)) {
    const std::string status = Upper(Text(*entry, "sub_request_status"));
    if (!status.empty() && status != "SUCCESS") return Text(*entry, "sub_request_error_reason");
  }
  return std::nullopt;
}

void AddTo(std::string* text, const std::string& more) {
  if (more.empty()) return;
  *text += (text->empty() ? "" : "; ") + more;
}

std::string SaidBy(const ClientResponse& response, const json::object& answer, const std::string& status,
                   const std::optional<std::string>& of_object) {
  std::string text = "HTTP " + std::to_string(response.status);
  if (!status.empty()) text += ", " + status;
  std::string said = Text(answer, "error_code");
  AddTo(&said, Text(answer, "debug_message"));
  if (Text(answer, "display_message") != Text(answer, "debug_message"))
    AddTo(&said, Text(answer, "display_message"));
  if (of_object) AddTo(&said, *of_object);
  if (said.empty() && status.empty()) said = response.body;
  if (!said.empty()) text += ": " + said;
  return text;
}

}  // namespace

BatchVerdict JudgeAdsAnswer(const ClientResponse& response, std::string_view list) {
  const json::object answer = Parse(response.body);
  const std::string status = Upper(Text(answer, "request_status"));
  const std::optional<std::string> of_object = ObjectNotTaken(answer, list);
  std::string said = SaidBy(response, answer, status, of_object);
  const RetryClass http = RetryClassOf(response.status);
  if (http == RetryClass::kRetry) return {Kind::kRetry, said};
  const bool about_token = status != "SUCCESS" && IsAboutToken(Text(answer, "debug_message"));
  if (http == RetryClass::kAuth || about_token) return {Kind::kUnauthorized, said, "renew the access token"};
  if (http == RetryClass::kForbidden || Text(answer, "error_code") == kNoAccess)
    return {Kind::kBlocked, said,
            "the token has no right to this ad account or segment: grant it, and the sink goes on by itself"};
  if (http == RetryClass::kDone) {
    // Something else than Snap may have answered.
    if (status.empty()) return {Kind::kRetry, said};
    return status == "SUCCESS" && !of_object ? BatchVerdict{} : BatchVerdict{Kind::kRefused, said};
  }
  // A wrong URL would make dead letters of everything.
  const bool elsewhere =
      response.status < 400 || response.status == kNotFound || response.status == kNotAllowed;
  if (elsewhere) return {Kind::kBlocked, said, "check the url and the ids of the ad account and the segment"};
  // So would a proxy or a firewall that answers in Snap's place.
  if (status.empty() && response.status != kTooLarge)
    return {Kind::kBlocked, said,
            "that is no answer of Snap's: check the url and what stands between here and Snap"};
  return {Kind::kRefused, said};
}

SegmentsAnswer ReadSegments(const ClientResponse& response) {
  const json::object answer = Parse(response.body);
  SegmentsAnswer out;
  for (const json::object* entry : Entries(answer, "segments")) {
    const json::value* const inner = Find(*entry, "segment");
    if (inner == nullptr || !inner->is_object()) continue;
    const json::object& segment = inner->get_object();
    SegmentFacts facts{.id = Text(segment, "id"),
                       .name = Text(segment, "name"),
                       .created_at = Text(segment, "created_at"),
                       .source_type = Text(segment, "source_type"),
                       .upload_status = Upper(Text(segment, "upload_status")),
                       .targetable_status = Upper(Text(segment, "targetable_status")),
                       .users = std::nullopt};
    const json::value* const users = Find(segment, "approximate_number_users");
    if (users != nullptr && users->is_int64()) facts.users = users->get_int64();
    if (!facts.id.empty()) out.segments.push_back(std::move(facts));
  }
  const json::value* const paging = Find(answer, "paging");
  if (paging != nullptr && paging->is_object()) out.next_link = Text(paging->get_object(), "next_link");
  return out;
}

}  // namespace millrace
