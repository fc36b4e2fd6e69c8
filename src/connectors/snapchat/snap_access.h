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
  std::string access_token;           ///< "" with oauth
  std::optional<OAuthOptions> oauth;  ///< makes and replaces them
  /// That access_token was read from, and is again when it is refused; "": it never changes.
  std::string access_token_file{};
};

struct SnapAccessOptions {
  std::string url;  ///< of the API
  SnapLogin login;
  /// PEM file of authorities; "" is the system's.
  std::string ca_file{};
  double per_second = 10;  ///< requests
  /// The app that the token is of. "": with oauth its client_id at its token_url, else one for the url.
  std::string app{};
  /// Requests of all tokens of the app. nullopt: kAppPerSecond, or the highest per_second of those where that
  /// is more.
  std::optional<double> app_per_second{};
};

/// The pace and the token of requests.
struct SnapAccess {
  std::shared_ptr<RateLimiter> limiter;
  std::string token_bucket;  ///< of the limiter
  std::string app_bucket;
  TokenFetch token;

  /// Of which a request takes one each.
  std::vector<std::string> buckets() const { return {token_bucket, app_bucket}; }
};

/// What the sinks and sources of a process share, because Snap counts requests by token and by app, and not
/// by who sends them: one pace for those that have the same address and token, one for all tokens of an app,
/// and one source of tokens for those that have the same refresh token of the same app. Whatever Get gave may
/// outlive it. Thread-safe.
class SnapAccesses {
 public:
  static constexpr double kAppPerSecond = 20;

  /// `clock` outlives it and what it gave.
  explicit SnapAccesses(const Clock& clock) : clock_(clock), limiter_(std::make_shared<RateLimiter>(clock)) {}

  /// Of several that share a pace the lowest per_second holds, and the lowest app_per_second that one of them
  /// says, for as long as this lives. Errors: user error for a ca_file that cannot be read.
  Result<SnapAccess> Get(const SnapAccessOptions& options);

 private:
  struct TokenServer;
  using Key = std::vector<std::string>;  // with secrets: for comparison only
  struct TokenPace {
    std::string bucket;
    double per_second;
  };
  struct AppPace {
    std::string bucket;
    double per_second_unless_said;
    std::optional<double> said{};
  };

  // Precondition: the lock is held.
  Result<std::shared_ptr<TokenServer>> ServerOf(const OAuthOptions& oauth, const std::string& ca_file);
  std::string TokenBucket(const SnapAccessOptions& options);
  std::string AppBucket(const SnapAccessOptions& options);
  void SetPace(const std::string& bucket, double per_second);

  const Clock& clock_;
  const std::shared_ptr<RateLimiter> limiter_;
  Mutex mutex_;
  // Guarded by mutex_; all grow to the number of sinks and sources at most:
  std::map<Key, TokenPace> tokens_;
  std::map<Key, AppPace> apps_;
  std::map<Key, std::shared_ptr<TokenServer>> servers_;
};

}  // namespace millrace
