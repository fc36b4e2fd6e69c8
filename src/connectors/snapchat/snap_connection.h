#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/byte_size.h"
#include "base/metrics.h"
#include "base/result.h"
#include "connectors/snapchat/snap_access.h"
#include "env/clock.h"
#include "http/backoff.h"
#include "http/batch_delivery.h"
#include "http/client.h"
#include "http/groups_let_in.h"

namespace millrace {

struct SnapConnectionOptions {
  std::string step;
  SnapAccessOptions access;
  /// What sinks and sources of the process share; null: nothing, and all tasks of the sink one access.
  std::shared_ptr<SnapAccesses> shared{};
  std::int32_t max_in_flight = 4;  ///< requests of a task
  BackoffOptions backoff{};
};

/// Bounds of the requests of one kind.
struct SnapBatchBounds {
  std::int64_t items = 0;
  ByteCount bytes{1 << 20};
  std::int64_t most_refused_in_row = 0;  ///< as in BatchDeliveryOptions
  bool refused_alike = false;            ///< as well
};

/// What the tasks of one sink in a process share: connections, and an access, which others may have, too.
/// Thread-safe.
class SnapConnection {
 public:
  /// `clock` and `metrics` outlive it. Errors: user error for a ca_file that cannot be read.
  static Result<std::shared_ptr<SnapConnection>> Make(SnapConnectionOptions options, const Clock& clock,
                                                      MetricRegistry& metrics);

  ~SnapConnection();

  /// `api` and the connection outlive it.
  std::unique_ptr<BatchDelivery> MakeDelivery(const BatchApi& api, SnapBatchBounds bounds);

  /// A request beside the deliveries, when the rate leaves room for one at once; else nothing happens. `make`
  /// gets the token, `done` the response, on the client's thread; it is not called when there is no token.
  void SendAside(std::function<ClientRequest(const std::string& token)> make, HttpClient::Done done);

  const std::string& step() const { return options_.step; }
  const Clock& clock() const { return clock_; }
  MetricRegistry& metrics() { return metrics_; }

 private:
  struct Aside;

  SnapConnection(SnapConnectionOptions options, SnapAccess access, std::unique_ptr<HttpClient> client,
                 const Clock& clock, MetricRegistry& metrics);

  const SnapConnectionOptions options_;
  const Clock& clock_;
  MetricRegistry& metrics_;
  const SnapAccess access_;
  GroupsLetIn let_in_;
  TroubleLog trouble_;
  TroubleLog token_trouble_;
  const std::shared_ptr<Aside> aside_;        // shared with requests for tokens under way
  const std::unique_ptr<HttpClient> client_;  // destroyed first
};

}  // namespace millrace
