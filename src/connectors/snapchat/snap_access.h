#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "env/clock.h"
#include "http/oauth2.h"
#include "http/rate_limit.h"
#include "http/token_fetch.h"

namespace millrace {

/// How a sink or a source gets its access tokens.
struct SnapLogin {
  std::string access_token;           ///< that never changes; "" with oauth
  std::optional<OAuthOptions> oauth;  ///< makes and replaces them
};

struct SnapAccessOptions {
  std::string url;  ///< of the API
  SnapLogin login;
  /// PEM file of authorities; "" is the system's.
  std::string ca_file{};
  double per_second = 10;  ///< requests
};

/// The pace and the token of requests.
struct SnapAccess {
  static constexpr const char* kBucket = "token";  ///< of the limiter
  std::shared_ptr<RateLimiter> limiter;
  TokenFetch token;
};

/// What the sinks and sources of a process share, because Snap counts requests by token and not by who sends
/// them: one pace for those that have the same address and token, and one source of tokens for those that
/// have the same refresh token of the same app. Whatever Get gave may outlive it. Thread-safe.
class SnapAccesses {
 public:
  /// `clock` outlives it and what it gave.
  explicit SnapAccesses(const Clock& clock) : clock_(clock) {}

  /// Of several that share a pace the lowest per_second holds, for as long as this lives. Errors: user error
  /// for a ca_file that cannot be read.
  Result<SnapAccess> Get(const SnapAccessOptions& options);

 private:
  struct TokenServer;
  using Key = std::vector<std::string>;  // with secrets: for comparison only

  /// Precondition: the lock is held.
  Result<std::shared_ptr<TokenServer>> ServerOf(const OAuthOptions& oauth, const std::string& ca_file);

  const Clock& clock_;
  Mutex mutex_;
  // Guarded by mutex_; both grow to the number of sinks and sources at most:
  std::map<Key, std::shared_ptr<RateLimiter>> limiters_;
  std::map<Key, std::shared_ptr<TokenServer>> servers_;
};

}  // namespace millrace
