#include "snap_server/api_answer.h"

#include <utility>

namespace millrace::snap {
namespace {

json::object ConversionError(const Refusal& refusal) {
  return {{"status", "INVALID"},
          {"reason", JsonText(refusal.message)},
          {"errors", json::object{{"codes", json::array{JsonText(kConversionErrorCode)}},
                                  {"error_msgs", json::array{JsonText(refusal.message)}}}}};
}

json::object EnvelopeError(const ApiRequest& request, const Refusal& refusal) {
  return {{"request_status", "ERROR"},
          {"request_id", JsonText(request.request_id)},
          {"debug_message", JsonText(refusal.message)},
          {"display_message", "We're sorry, but the requested resource is not available at this time"},
          {"error_code", JsonText(refusal.code)}};
}

}  // namespace

HttpResponse JsonAnswer(int status, const json::value& body) {
  return {status, json::serialize(body), "application/json"};
}

HttpResponse Refuse(const ApiRequest& request, const Refusal& refusal) {
  switch (request.api) {
    case Api::kConversions:
      return JsonAnswer(refusal.status, ConversionError(refusal));
    case Api::kMarketing:
    case Api::kProfile:
      return JsonAnswer(refusal.status, EnvelopeError(request, refusal));
    case Api::kOAuth:
    case Api::kOwn:
      break;
  }
  return JsonAnswer(refusal.status, json::object{{"error", JsonText(refusal.message)}});
}

HttpResponse Succeed(const ApiRequest& request, json::object content) {
  json::object body{{"request_status", "SUCCESS"}, {"request_id", JsonText(request.request_id)}};
  for (auto& [name, value] : content) body[name] = std::move(value);
  return JsonAnswer(200, body);
}

json::object SubRequest(std::string_view name, json::object item) {
  json::object wrapped{{"sub_request_status", "SUCCESS"}};
  wrapped[json::string_view(name.data(), name.size())] = std::move(item);
  return wrapped;
}

json::object FailedSubRequest(std::string_view reason) {
  return {{"sub_request_status", "ERROR"}, {"sub_request_error_reason", JsonText(reason)}};
}

HttpResponse Unauthorized(const ApiRequest& request, const std::string& description) {
  HttpResponse response = Refuse(request, {401, "unauthorized: " + description, "E3003"});
  response.headers.emplace_back("WWW-Authenticate",
                                "Bearer error=\"invalid_token\", error_description=\"" + description + "\"");
  return response;
}

}  // namespace millrace::snap
