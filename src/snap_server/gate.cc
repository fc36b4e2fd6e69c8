#include "snap_server/gate.h"

#include <vector>

namespace millrace::snap {
namespace {

constexpr double kTokensOfAnApp = 2;
constexpr const char* kApp = "app";

}  // namespace

std::optional<HttpResponse> Gate::Refuses(const ApiRequest& request) {
  if (request.api == Api::kOwn || request.api == Api::kOAuth) return std::nullopt;
  const std::string token = request.Token();
  if (token.empty()) return Unauthorized(request, "The access token is missing");
  switch (access_.Of(token)) {
    case Access::Standing::kUnknown:
      return Unauthorized(request, "The access token is invalid");
    case Access::Standing::kExpired:
      return Unauthorized(request, "The access token expired");
    case Access::Standing::kGood:
      break;
  }
  if (TooFast(request)) return Refuse(request, {429, "Too many requests", "E4290"});
  return std::nullopt;
}

bool Gate::TooFast(const ApiRequest& request) {
  if (rate_ <= 0) return false;
  std::vector<PaceBound> bounds{{"token " + request.Token(), rate_}};
  // A token for conversions is not one of an app.
  if (request.api != Api::kConversions) bounds.push_back({kApp, rate_ * kTokensOfAnApp});
  return !pace_.Passes(bounds);
}

}  // namespace millrace::snap
