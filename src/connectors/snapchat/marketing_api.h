#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include "base/metrics.h"
#include "base/result.h"
#include "connectors/snapchat/snap_access.h"
#include "env/clock.h"
#include "env/random.h"
#include "http/backoff.h"
#include "http/client.h"
#include "http/oauth2.h"
#include "http/trouble_log.h"

namespace millrace {

/// Where Snap's Marketing API is, and who asks: `access_token`, or tokens that `oauth` fetches. The first may
/// have been read from a file, and is read again when Snap refuses it.
struct MarketingAccess {
  std::string url = "https://adsapi.snapchat.com";
  std::string access_token{};
  std::optional<OAuthOptions> oauth{};
  std::string access_token_file{};
  /// PEM file of authorities; "" is the system's.
  std::string ca_file{};
  double per_second = 10;  ///< requests, as in SnapAccessOptions
  std::string app{};
  std::optional<double> app_per_second{};
  /// What sinks and sources of the process share; null: nothing.
  std::shared_ptr<SnapAccesses> shared{};
};

/// What became of a request, for good.
struct MarketingAnswer {
  enum class Outcome {
    kGiven,
    kForbidden,  ///< the token has no right to this account or organisation; to others it may have
    kRefused,    ///< Snap cannot answer this, and could not later
  };
  Outcome outcome = Outcome::kGiven;
  boost::json::object body{};  ///< when given
  std::string reason{};        ///< when not; free of secrets
};

/// Asks Snap's Marketing API one question at a time. Whatever can pass is tried again for ever: 429, 5xx and
/// broken connections with exponential pauses; a token that expired is replaced once.
///
/// Nothing but the wait of Answer blocks: requests and those for tokens run on threads of
/// their clients. One owner, one thread. Life: Make -> (Ask -> Answer*)* -> destroy.
class MarketingApi {
 public:
  /// `source`: its name, for metrics and logs. `clock` and `metrics` outlive it. Errors: user error for a
  /// ca_file that cannot be read.
  static Result<std::unique_ptr<MarketingApi>> Make(MarketingAccess access, const std::string& source,
                                                    const Clock& clock, MetricRegistry& metrics);
  ~MarketingApi();

  /// A GET of "/me/organizations?limit=500", or of an address that an answer named. What was asked before and
  /// not answered is forgotten. Errors: user error for an address elsewhere, to which no token goes.
  Status Ask(const std::string& target);
  bool asking() const { return step_ != Step::kIdle; }
  void Forget();

  /// The answer, if it comes within `wait`. Precondition: asking. Errors: kPermissionDenied when Snap takes
  /// none of the tokens that are to be had; the next call tries again.
  Result<std::optional<MarketingAnswer>> Answer(Duration wait);

 private:
  /// What is done next for the question.
  enum class Step { kIdle, kToken, kSend, kAnswer };
  struct Mailbox;

  MarketingApi(MarketingAccess access, std::string source, SnapAccess shared,
               std::unique_ptr<HttpClient> client, const Clock& clock, MetricRegistry& metrics);

  Result<std::optional<MarketingAnswer>> Advance();
  /// Whether there may be another token than the first one.
  bool TokenChanges() const { return access_.oauth || !access_.access_token_file.empty(); }
  Status TakeToken();
  void FetchToken();
  Status Send();
  Result<std::optional<MarketingAnswer>> Judge(const Result<ClientResponse>& response);
  Result<std::optional<MarketingAnswer>> Unauthorized(const std::string& reason);
  void RetryLater(const std::string& reason, std::optional<Duration> asked);
  Duration UntilRetry() const;
  std::string WithoutSecrets(std::string_view text) const;

  // Constant after construction.
  const MarketingAccess access_;
  const std::string source_;
  const Clock& clock_;
  Counter& requests_;
  Counter& retries_;

  // Owned by one thread.
  Random random_;
  Backoff backoff_;
  TroubleLog trouble_;
  std::chrono::nanoseconds failing_since_{0};
  Step step_ = Step::kIdle;
  std::string url_;      // of the question
  std::string token_;    // for the next request
  std::string refused_;  // a token; "": none
  std::string refused_why_;
  std::chrono::nanoseconds retry_at_{0};

  const std::shared_ptr<Mailbox> mailbox_;  // shared with callbacks
  const SnapAccess shared_;
  const std::unique_ptr<HttpClient> client_;
  bool token_asked_ = false;  // and not answered yet
};

}  // namespace millrace
