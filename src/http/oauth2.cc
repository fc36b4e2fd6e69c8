#include "http/oauth2.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "http/retry_class.h"
#include "http/token_response.h"

namespace millrace {
namespace {

struct Access {
  std::string token;  // "" when there is none
  std::chrono::nanoseconds fetched_at{};
  std::chrono::nanoseconds replace_at{};  // steady time
};

}  // namespace

struct TokenSource::State {
  State(OAuthOptions its_options, HttpClient& its_client, const Clock& its_clock)
      : options(std::move(its_options)),
        client(its_client),
        clock(its_clock),
        refresh_token(options.refresh_token) {}

  /// What there is without asking the far side. Precondition: the lock is held.
  std::optional<Result<std::string>> Known(const std::string& refused) const {
    if (access.token.empty()) return std::nullopt;
    if (access.token != refused) {
      if (refused.empty() && clock.Steady() >= access.replace_at) return std::nullopt;
      return access.token;
    }
    if (clock.Steady() - access.fetched_at >= options.min_life) return std::nullopt;
    return Status::PermissionDenied("the access token was refused right after '" +
                                    WithoutSecrets(options.token_url) +
                                    "' gave it; check the scopes and rights of the account");
  }

  /// Precondition: the lock is held.
  ClientRequest Request() const {
    ClientRequest request;
    request.method = "POST";
    request.url = options.token_url;
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
    request.body = "grant_type=refresh_token&refresh_token=" + PercentEncoded(refresh_token) +
                   "&client_id=" + PercentEncoded(options.client_id) +
                   "&client_secret=" + PercentEncoded(options.client_secret);
    if (!options.scope.empty()) request.body += "&scope=" + PercentEncoded(options.scope);
    return request;
  }

  /// Tells all who asked.
  void Finish(const Result<ClientResponse>& response) {
    std::vector<TokenDone> asked;
    Result<std::string> outcome = std::string();
    {
      const MutexLock lock(mutex);
      const Status taken = response.ok() ? Take(*response) : response.status();
      if (taken.ok()) {
        outcome = access.token;
      } else {
        outcome = taken;
      }
      asked.swap(waiting);
    }
    for (const TokenDone& done : asked) done(outcome);
  }

  /// Precondition: the lock is held.
  Status Take(const ClientResponse& response) {
    const std::string where = "asking '" + WithoutSecrets(options.token_url) + "' for an access token";
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
    const Duration life = answer.expires_in.value_or(options.default_life);
    access.token = answer.access_token;
    access.fetched_at = clock.Steady();
    access.replace_at = access.fetched_at + std::max(life - options.early, life / 2);
    if (!answer.refresh_token.empty()) refresh_token = answer.refresh_token;
    ++refreshes;
    return Status::Ok();
  }

  std::string WithoutSecrets(std::string_view text) const {
    return Redactor({options.client_secret, options.refresh_token, refresh_token, access.token})(
        client.redactor()(text));
  }

  const OAuthOptions options;
  HttpClient& client;
  const Clock& clock;

  mutable Mutex mutex;
  std::string refresh_token;  // guarded by mutex, as all below
  Access access;
  /// Who gets the answer of the request under way; none is under way when it is empty. At most one entry for
  /// each user of the source that waits.
  std::vector<TokenDone> waiting;
  std::int64_t refreshes = 0;
};

TokenSource::TokenSource(OAuthOptions options, HttpClient& client, const Clock& clock)
    : state_(std::make_shared<State>(std::move(options), client, clock)) {}

void TokenSource::Get(const std::string& refused, TokenDone done) {
  MutexLock lock(state_->mutex);
  if (const auto known = state_->Known(refused)) {
    lock.unlock();
    return done(*known);
  }
  state_->waiting.push_back(std::move(done));
  if (state_->waiting.size() > 1) return;
  ClientRequest request = state_->Request();
  lock.unlock();
  const Status sent = state_->client.Send(
      std::move(request),
      [state = state_](const Result<ClientResponse>& response) { state->Finish(response); });
  if (!sent.ok()) state_->Finish(sent);
}

Result<std::string> TokenSource::TokenAfterRefusal(const std::string& refused) {
  struct Answer {
    Mutex mutex;
    ConditionVariable come;
    std::optional<Result<std::string>> token;
  };
  const auto answer = std::make_shared<Answer>();
  Get(refused, [answer](Result<std::string> token) {
    const MutexLock lock(answer->mutex);
    answer->token = std::move(token);
    answer->come.notify_all();
  });
  MutexLock lock(answer->mutex);
  answer->come.wait(lock, [&] { return answer->token.has_value(); });
  return *std::move(answer->token);
}

std::int64_t TokenSource::refreshes() const {
  const MutexLock lock(state_->mutex);
  return state_->refreshes;
}

}  // namespace millrace
