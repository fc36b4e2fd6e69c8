#pragma once

#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "base/metrics.h"
#include "base/result.h"
#include "connect/sink.h"
#include "connectors/snapchat/conversion_check.h"
#include "connectors/snapchat/conversions_api.h"
#include "env/clock.h"
#include "http/batch_delivery.h"

namespace millrace {

struct ConversionsOptions {
  std::string step;
  ConversionsApiOptions api{};
  std::string access_token;
  /// PEM file of authorities; "" is the system's.
  std::string ca_file{};
  /// Requests per second for the token, of all tasks of a process together.
  double per_second = 10;
  std::int64_t batch_events = 2'000;
  ByteCount batch_bytes{1 << 20};
  std::int32_t max_in_flight = 4;  ///< of a task
};

/// What the tasks of one sink in a process share: connections, rate and token. Thread-safe.
class ConversionsConnection {
 public:
  /// `clock` and `metrics` outlive it. Errors: user error for a ca_file that cannot be read.
  static Result<std::shared_ptr<ConversionsConnection>> Make(ConversionsOptions options, const Clock& clock,
                                                             MetricRegistry& metrics);

  std::unique_ptr<BatchDelivery> MakeDelivery();
  const Clock& clock() const { return clock_; }

 private:
  ConversionsConnection(ConversionsOptions options, std::unique_ptr<HttpClient> client, const Clock& clock,
                        MetricRegistry& metrics);

  const ConversionsOptions options_;
  const ConversionsApi api_;
  const Clock& clock_;
  MetricRegistry& metrics_;
  RateLimiter limiter_;
  const std::unique_ptr<HttpClient> client_;  // destroyed first
};

/// Sends each row as an event, at least once, with the same event_id every time; Snap counts events of one
/// id, name and asset within 48 hours once. A row is settled when Snap took it, or refused it for good, which
/// makes a dead letter with what Snap said. Rows that are no valid events are dead letters without being
/// sent, those out of the time window are late.
///
/// `fields`: the columns of MapConversionFields and, unless `asset` names the pixel or app of all events,
/// kAssetColumn.
Result<std::unique_ptr<Sink>> MakeConversionsSink(const std::shared_ptr<arrow::Schema>& fields,
                                                  ConversionRules rules, std::string asset,
                                                  std::shared_ptr<ConversionsConnection> connection);

}  // namespace millrace
