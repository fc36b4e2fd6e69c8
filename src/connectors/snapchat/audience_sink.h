#pragma once

#include <memory>
#include <optional>
#include <string>

#include <arrow/type_fwd.h>

#include "base/metrics.h"
#include "base/result.h"
#include "connect/sink.h"
#include "connectors/snapchat/audience_api.h"
#include "connectors/snapchat/segment_finder.h"
#include "connectors/snapchat/segment_follower.h"
#include "connectors/snapchat/segment_search.h"
#include "connectors/snapchat/snap_connection.h"
#include "env/clock.h"
#include "http/batch_delivery.h"

namespace millrace {

/// Columns of the rows of an audience sink, both of text: the SHA-256 of the identifier in hexadecimal, and
/// "add" or "remove".
inline constexpr const char* kIdentifierColumn = "identifier";
inline constexpr const char* kActionColumn = "action";

struct AudienceOptions {
  SnapConnectionOptions connection;
  std::string url = "https://adsapi.snapchat.com";  ///< without "/v1"
  AudienceSchema schema = AudienceSchema::kEmail;
  std::string no_identifier = "there is no identifier";  ///< of rows that have none: NoIdentifier
  std::string segment_id;                                ///< "": that of `wanted`
  std::optional<SegmentWanted> wanted;                   ///< by its name
  std::int64_t batch_identifiers = 100'000;
  ByteCount batch_bytes{1 << 20};
  Duration follow_every{60'000};
  Duration before_check{1'000};  ///< SegmentFinder::Options
};

/// What the tasks of one sink in a process share. Thread-safe.
class AudienceConnection {
 public:
  /// `clock` and `metrics` outlive it. Errors: user error for a ca_file that cannot be read.
  static Result<std::shared_ptr<AudienceConnection>> Make(AudienceOptions options, const Clock& clock,
                                                          MetricRegistry& metrics);

  std::unique_ptr<BatchDelivery> MakeDelivery();
  /// The id of the segment: SegmentFinder::Find.
  Result<std::optional<std::string>> FindSegment(Duration wait);
  /// Tells that Snap took something for the segment: SegmentFollower.
  void Uploaded(const std::string& segment_id) { follower_.Uploaded(segment_id); }
  const std::string& no_identifier() const { return options_.no_identifier; }
  const Clock& clock() const { return connection_->clock(); }

 private:
  AudienceConnection(AudienceOptions options, std::shared_ptr<SnapConnection> connection);

  const AudienceOptions options_;
  const AudienceApi api_;
  const std::shared_ptr<SnapConnection> connection_;
  std::optional<SegmentFinder> finder_;
  SegmentFollower follower_;
};

/// Adds the identifiers of rows to a segment and removes them from it, at least once. Of what is written
/// between two checkpoints the last action of each identifier is sent, when the checkpoint is due, and
/// nothing later before that has its outcome: whatever is sent again after a failure, the last action of an
/// identifier wins in the end, where all its rows come to one task. A row is settled with its identifier:
/// when Snap took it, or refused it for good, which makes a dead letter with what Snap said. Rows without an
/// identifier or with another action are dead letters (class "identifier" or "action"); tombstones remove.
///
/// `fields` has kIdentifierColumn and kActionColumn.
Result<std::unique_ptr<Sink>> MakeAudienceSink(const std::shared_ptr<arrow::Schema>& fields,
                                               std::shared_ptr<AudienceConnection> connection);

}  // namespace millrace
