#include "connectors/snapchat/audience_api.h"

#include <utility>

#include "connectors/snapchat/ads_answer.h"
#include "http/redact.h"

namespace millrace {
namespace {

constexpr std::string_view kTail = "]}]}";  // of a body

}  // namespace

std::string_view NameOf(AudienceSchema schema) {
  switch (schema) {
    case AudienceSchema::kEmail:
      return "EMAIL_SHA256";
    case AudienceSchema::kPhone:
      return "PHONE_SHA256";
    case AudienceSchema::kMobileAdId:
      return "MOBILE_AD_ID_SHA256";
  }
  return "";
}

AudienceApi::AudienceApi(std::string url, AudienceSchema schema)
    : url_(std::move(url)),
      head_(R"({"users":[{"schema":[")" + std::string(NameOf(schema)) + R"("],"data":[)") {}

std::string AudienceApi::GroupOf(AudienceAction action, std::string_view segment_id) {
  return (action == AudienceAction::kAdd ? "POST /v1/segments/" : "DELETE /v1/segments/") +
         PercentEncoded(segment_id) + "/users";
}

std::string AudienceApi::ItemOf(std::string_view sha256) { return "[\"" + std::string(sha256) + "\"]"; }

ClientRequest AudienceApi::Request(const std::string& group, std::span<const std::string_view> items,
                                   const std::string& token) const {
  const std::size_t space = group.find(' ');
  ClientRequest request{
      .method = group.substr(0, space),
      .url = url_ + group.substr(space + 1),
      .headers = {{"Authorization", "Bearer " + token}, {"Content-Type", "application/json"}}};
  std::size_t bytes = head_.size() + kTail.size() + items.size();
  for (const std::string_view item : items) bytes += item.size();
  request.body.reserve(bytes);
  request.body = head_;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) request.body += ',';
    request.body += items[i];
  }
  request.body += kTail;
  return request;
}

std::int64_t AudienceApi::EnvelopeBytes() const {
  return static_cast<std::int64_t>(head_.size() + kTail.size());
}

BatchVerdict AudienceApi::Judge(const ClientResponse& response) const {
  return JudgeAdsAnswer(response, "users");
}

}  // namespace millrace
