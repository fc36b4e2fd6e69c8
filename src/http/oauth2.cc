#include "http/oauth2.h"

#include <algorithm>
#include <utility>

#include "http/retry_class.h"
#include "http/token_response.h"

namespace millrace {

TokenSource::TokenSource(OAuthOptions options, HttpClient& client, const Clock& clock)
    : options_(std::move(options)), client_(client), clock_(clock), refresh_token_(options_.refresh_token) {}

Result<std::string> TokenSource::Token() {
  MutexLock lock(mutex_);
  if (!access_.token.empty() && clock_.Steady() < access_.replace_at) return access_.token;
  return Refresh(lock);
}

std::optional<std::string> TokenSource::TokenAtHand() const {
  const MutexLock lock(mutex_);
  if (access_.token.empty() || clock_.Steady() >= access_.replace_at) return std::nullopt;
  return access_.token;
}

Result<std::string> TokenSource::TokenAfterRefusal(const std::string& refused) {
  MutexLock lock(mutex_);
  if (!access_.token.empty() && access_.token != refused) return access_.token;
  if (!access_.token.empty() && clock_.Steady() - access_.fetched_at < options_.min_life) {
    return Status::PermissionDenied("the access token was refused right after '" +
                                    WithoutSecrets(options_.token_url) +
                                    "' gave it; check the scopes and rights of the account");
  }
  return Refresh(lock);
}

std::int64_t TokenSource::refreshes() const {
  const MutexLock lock(mutex_);
  return refreshes_;
}

Result<std::string> TokenSource::Refresh(MutexLock& lock) {
  if (fetching_) {
    const std::int64_t before = answers_;
    answered_.wait(lock, [&] { return answers_ > before; });
  } else {
    fetching_ = true;
    const std::string refresh_token = refresh_token_;
    lock.unlock();
    Result<ClientResponse> response = Ask(refresh_token);
    lock.lock();
    last_ = response.ok() ? Take(*response) : response.status();
    fetching_ = false;
    ++answers_;
    answered_.notify_all();
  }
  if (!last_.ok()) return last_;
  return access_.token;
}

Result<ClientResponse> TokenSource::Ask(const std::string& refresh_token) {
  ClientRequest request;
  request.method = "POST";
  request.url = options_.token_url;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
  request.body = "grant_type=refresh_token&refresh_token=" + PercentEncoded(refresh_token) +
                 "&client_id=" + PercentEncoded(options_.client_id) +
                 "&client_secret=" + PercentEncoded(options_.client_secret);
  if (!options_.scope.empty()) request.body += "&scope=" + PercentEncoded(options_.scope);
  return client_.Call(std::move(request));
}

Status TokenSource::Take(const ClientResponse& response) {
  const std::string where = "asking '" + WithoutSecrets(options_.token_url) + "' for an access token";
  const TokenResponse answer = ReadTokenResponse(response.body);
  const RetryClass outcome = RetryClassOf(response.status);
  if (outcome != RetryClass::kDone) {
    const std::string reason = answer.error.empty() ? "" : " (" + WithoutSecrets(answer.error) + ")";
    const Status status = StatusOfResponse(response.status, where);
    if (outcome == RetryClass::kRetry) return Status::Unavailable(status.message() + reason);
    return Status::PermissionDenied(status.message() + reason +
                                    "; check client_id, client_secret and refresh_token");
  }
  if (answer.access_token.empty()) {
    return Status::Unavailable(where + ": the answer holds no access_token" +
                               (answer.error.empty() ? "" : ": " + WithoutSecrets(answer.error)));
  }
  const Duration life = answer.expires_in.value_or(options_.default_life);
  access_.token = answer.access_token;
  access_.fetched_at = clock_.Steady();
  access_.replace_at = access_.fetched_at + std::max(life - options_.early, life / 2);
  if (!answer.refresh_token.empty()) refresh_token_ = answer.refresh_token;
  ++refreshes_;
  return Status::Ok();
}

std::string TokenSource::WithoutSecrets(std::string_view text) const {
  return Redactor({options_.client_secret, options_.refresh_token, refresh_token_, access_.token})(
      client_.redactor()(text));
}

}  // namespace millrace
