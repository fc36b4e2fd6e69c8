#pragma once

#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "base/metrics.h"
#include "base/result.h"
#include "connect/sink.h"
#include "connectors/snapchat/conversion_check.h"
#include "connectors/snapchat/conversions_api.h"
#include "connectors/snapchat/snap_connection.h"
#include "env/clock.h"

namespace millrace {

struct ConversionsOptions {
  SnapConnectionOptions connection;
  ConversionsApiOptions api{};
  std::int64_t batch_events = 2'000;
  ByteCount batch_bytes{1 << 20};
};

/// What the tasks of one sink in a process share. Thread-safe.
class ConversionsConnection {
 public:
  /// `clock` and `metrics` outlive it. Errors: user error for a ca_file that cannot be read.
  static Result<std::shared_ptr<ConversionsConnection>> Make(ConversionsOptions options, const Clock& clock,
                                                             MetricRegistry& metrics);

  std::unique_ptr<BatchDelivery> MakeDelivery();
  const Clock& clock() const { return connection_->clock(); }

 private:
  ConversionsConnection(ConversionsOptions options, std::shared_ptr<SnapConnection> connection);

  const ConversionsOptions options_;
  const ConversionsApi api_;
  const std::shared_ptr<SnapConnection> connection_;
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
