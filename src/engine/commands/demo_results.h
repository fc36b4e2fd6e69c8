#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "base/ids.h"
#include "base/result.h"
#include "codec/codec.h"
#include "connect/changelog.h"
#include "connect/cluster.h"

namespace millrace {

/// All result rows of one window.
struct ClosedWindow {
  EventTime start{0};
  EventTime end{0};
  std::int64_t auctions = 0;
  std::int64_t bids = 0;
  double total = 0;
  double best = 0;
  std::int64_t best_auction = 0;
};

/// Reads the demo's result topic as any consumer would and adds up its windows. One owner, one thread.
class DemoResults {
 public:
  static Result<std::unique_ptr<DemoResults>> Make(Cluster& cluster, const std::string& topic,
                                                   std::int32_t partitions);

  /// Takes what came within `wait`.
  Status Poll(Duration wait);

  /// By start.
  const std::map<EventTime, ClosedWindow>& windows() const { return windows_; }
  std::int64_t rows() const { return rows_; }
  std::int64_t bids() const { return bids_; }

 private:
  DemoResults() = default;
  void Add(const arrow::RecordBatch& rows);

  std::unique_ptr<ChangelogReader> reader_;
  std::unique_ptr<Decoder> decoder_;
  std::map<EventTime, ClosedWindow> windows_;
  std::int64_t rows_ = 0;
  std::int64_t bids_ = 0;
};

}  // namespace millrace
