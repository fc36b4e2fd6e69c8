#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/duration.h"
#include "base/mutex.h"
#include "base/result.h"
#include "env/clock.h"
#include "http/client.h"

namespace millrace {

struct OAuthOptions {
  std::string token_url;
  std::string client_id;
  std::string client_secret;
  std::string refresh_token;
  std::string scope{};  ///< sent when not empty
  /// A token is replaced so long before it expires, but not before half of its life.
  Duration early{60'000};
  /// The life of a token whose response does not say it.
  Duration default_life{1'800'000};
  /// A token that is refused so soon after it was fetched will not be replaced: a new one would not help.
  Duration min_life{30'000};
};

/// Access tokens by the refresh-token grant of OAuth 2 (RFC 6749, section 6). One request at a time is under
/// way: who asks meanwhile waits for its answer. The refresh token is replaced when the far side sends a new
/// one, and kept when it does not; it lives in memory only.
///
/// No error holds a token or the client's secret. Thread-safe.
class TokenSource {
 public:
  /// `client` and `clock` must outlive it.
  TokenSource(OAuthOptions options, HttpClient& client, const Clock& clock);

  /// A token that is valid now, fetched when there is none. Errors, each for all who waited:
  /// kPermissionDenied (user) when the far side refuses the refresh token or the client, which asking again
  /// will not change; retryable for 429, 5xx and broken connections.
  Result<std::string> Token();

  /// The token that Token would give without asking the far side; none when it would have to.
  std::optional<std::string> TokenAtHand() const;

  /// After a 401 for `refused`: another token. That is the current one when it was replaced meanwhile, else
  /// it is fetched. Errors: as Token; kPermissionDenied when `refused` is younger than min_life.
  Result<std::string> TokenAfterRefusal(const std::string& refused);

  /// Requests for a token so far that were answered with one.
  std::int64_t refreshes() const;

 private:
  struct Access {
    std::string token;  ///< "" when there is none
    std::chrono::nanoseconds fetched_at{};
    std::chrono::nanoseconds replace_at{};  ///< steady time
  };

  /// Fetches, or waits for who does. Precondition: the lock is held; it is given up meanwhile.
  Result<std::string> Refresh(MutexLock& lock);
  Result<ClientResponse> Ask(const std::string& refresh_token);
  Status Take(const ClientResponse& response);
  std::string WithoutSecrets(std::string_view text) const;

  const OAuthOptions options_;
  HttpClient& client_;
  const Clock& clock_;

  mutable Mutex mutex_;
  ConditionVariable answered_;
  std::string refresh_token_;  // guarded by mutex_, as all below
  Access access_;
  bool fetching_ = false;
  std::int64_t answers_ = 0;  // of any kind
  std::int64_t refreshes_ = 0;
  Status last_;  // of the last answer
};

}  // namespace millrace
