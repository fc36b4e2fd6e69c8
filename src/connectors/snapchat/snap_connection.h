#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_size.h"
#include "base/metrics.h"
#include "base/result.h"
#include "env/clock.h"
#include "http/backoff.h"
#include "http/batch_delivery.h"
#include "http/client.h"
#include "http/groups_let_in.h"
#include "http/oauth2.h"
#include "http/rate_limit.h"
#include "http/token_fetch.h"

namespace millrace {

/// How a sink gets its access tokens.
struct SnapLogin {
  std::string access_token;           ///< that never changes; "" with oauth
  std::optional<OAuthOptions> oauth;  ///< makes and replaces them
};

struct SnapConnectionOptions {
  std::string step;
  SnapLogin login;
  /// PEM file of authorities; "" is the system's.
  std::string ca_file{};
  /// Requests per second for the token, of all tasks of a process together.
  double per_second = 10;
  std::int32_t max_in_flight = 4;  ///< requests of a task
  BackoffOptions backoff{};
};

/// Bounds of the requests of one kind.
struct SnapBatchBounds {
  std::int64_t items = 0;
  ByteCount bytes{1 << 20};
  std::int64_t most_refused_in_row = 0;  ///< as in BatchDeliveryOptions
};

/// What the tasks of one sink in a process share: connections, rate and token. Thread-safe.
class SnapConnection {
 public:
  /// `clock` and `metrics` outlive it. Errors: user error for a ca_file that cannot be read.
  static Result<std::shared_ptr<SnapConnection>> Make(SnapConnectionOptions options, const Clock& clock,
                                                      MetricRegistry& metrics);

  /// `api` and the connection outlive it.
  std::unique_ptr<BatchDelivery> MakeDelivery(const BatchApi& api, SnapBatchBounds bounds);

  /// A request beside the deliveries, when the rate leaves room for one at once; else nothing happens. `make`
  /// gets the token, `done` the response, on the client's thread; it is not called when there is no token.
  void SendAside(std::function<ClientRequest(const std::string& token)> make, HttpClient::Done done);

  const std::string& step() const { return options_.step; }
  const Clock& clock() const { return clock_; }
  MetricRegistry& metrics() { return metrics_; }

 private:
  SnapConnection(SnapConnectionOptions options, std::unique_ptr<HttpClient> client, const Clock& clock,
                 MetricRegistry& metrics);

  const SnapConnectionOptions options_;
  const Clock& clock_;
  MetricRegistry& metrics_;
  RateLimiter limiter_;
  GroupsLetIn let_in_;
  TokenFetch token_;
  const std::unique_ptr<HttpClient> client_;  // destroyed first
};

}  // namespace millrace
