#include "snap_server/gate.h"

#include <algorithm>

namespace millrace::snap {
namespace {

constexpr double kTokensOfAnApp = 2;
constexpr const char* kAppBucket = "app";

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

void Gate::MakeBucket(const std::string& name, double rate) {
  if (buckets_.insert(name).second) limiter_->SetBucket(name, rate, std::max(1.0, rate));
}

bool Gate::TooFast(const ApiRequest& request) {
  if (rate_ <= 0) return false;
  if (buckets_.size() > Access::kMaxTokens) {  // most of them of tokens that have ended
    buckets_.clear();
    limiter_ = std::make_unique<RateLimiter>(clock_);
  }
  const std::string token = "token " + request.Token();
  MakeBucket(token, rate_);
  MakeBucket(kAppBucket, rate_ * kTokensOfAnApp);
  // A token for conversions is not one of an app.
  if (request.api == Api::kConversions) return limiter_->TryTake({token}).count() > 0;
  return limiter_->TryTake({token, kAppBucket}).count() > 0;
}

}  // namespace millrace::snap
