#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "connect/changelog.h"
#include "connect/feed.h"

namespace millrace {

/// Reads the committed positions of a feed from their topic, to the end of every transaction that was open
/// when reading began.
///
/// One owner, one thread. Life: Make -> Step* until it is done.
class FeedPositionReader {
 public:
  /// Errors: those of the log.
  static Result<std::unique_ptr<FeedPositionReader>> Make(std::unique_ptr<ChangelogReader> log,
                                                          TopicPartition partition);

  /// Reads for at most `wait`; the positions once all are known. Errors: those of the log; kCorrupt for
  /// records that cannot be decoded.
  Result<std::optional<FeedPositions>> Step(Duration wait);

  /// Behind the last record read.
  Offset end() const { return end_; }

 private:
  FeedPositionReader(std::unique_ptr<ChangelogReader> log, TopicPartition partition)
      : log_(std::move(log)), partition_(std::move(partition)) {}

  Status Read(Duration wait);

  const std::unique_ptr<ChangelogReader> log_;
  const TopicPartition partition_;
  bool is_empty_ = false;
  Offset end_{0};
  FeedPositions positions_;
};

}  // namespace millrace
