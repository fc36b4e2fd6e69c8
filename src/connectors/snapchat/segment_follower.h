#pragma once

#include <memory>
#include <string>

#include "base/duration.h"
#include "base/mutex.h"
#include "connectors/snapchat/snap_connection.h"
#include "env/thread.h"

namespace millrace {

/// Follows what Snap makes of uploads: asks for the segment now and then, from the first upload on until Snap
/// has worked through the last one, and shows upload_status, targetable_status and the number of users as
/// metrics, and as a line of the log when they change. It asks only when the rate leaves room, and nothing
/// waits for it. Thread-safe.
class SegmentFollower {
 public:
  struct Options {
    std::string url;  ///< of the API, without "/v1"
    Duration every{60'000};
  };
  /// The connection outlives it.
  SegmentFollower(Options options, SnapConnection& connection);
  ~SegmentFollower();

  /// Snap took something for the segment, the same one every time. The first call starts a thread.
  void Uploaded(const std::string& segment_id);

 private:
  struct State;

  static void Ask(const std::shared_ptr<State>& state);

  const std::shared_ptr<State> state_;  // shared with requests under way
  const StopToken stop_;
  Mutex mutex_;
  Thread thread_;  // guarded by mutex_
};

}  // namespace millrace
