#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/duration.h"
#include "base/mutex.h"
#include "base/result.h"
#include "connectors/snapchat/segment_search.h"
#include "connectors/snapchat/snap_connection.h"
#include "http/batch_delivery.h"

namespace millrace {

/// Carries out a SegmentSearch, once for all tasks of a sink in a process, with the patience of a delivery.
/// Thread-safe; nothing happens but in calls of Find.
class SegmentFinder {
 public:
  struct Options {
    SegmentWanted wanted;
    std::string url;  ///< of the API, without "/v1"
    /// Between the creation and the look whether somebody else created, too: who did so at the same moment is
    /// seen by then.
    Duration before_check{1'000};
  };
  /// The connection outlives it.
  SegmentFinder(Options options, SnapConnection& connection);
  ~SegmentFinder();

  /// The id; nullopt when it is not known after `wait`. Errors: user error when there is no such segment, or
  /// Snap refuses to look for it or to create it.
  Result<std::optional<std::string>> Find(Duration wait);

 private:
  class Api;

  /// One step, waiting at most `wait`: false when there was none.
  Result<bool> Step(Duration wait);
  Status NotFound() const;

  const Options options_;
  const Clock& clock_;

  Mutex mutex_;
  SegmentSearch search_;  // guarded by mutex_, as all below
  const std::unique_ptr<Api> api_;
  const std::unique_ptr<BatchDelivery> delivery_;
  bool asked_ = false;
  std::chrono::nanoseconds not_before_{0};
  Status failure_;
};

}  // namespace millrace
