#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/duration.h"
#include "base/ids.h"
#include "base/result.h"

namespace millrace {

/// One record that a feed brings.
struct FeedRecord {
  std::string key;
  std::optional<std::string> value;  ///< nullopt: a tombstone
  EventTime time{0};
};

/// Where a source stands, by names that it chooses; values are its own affair.
using FeedPositions = std::map<std::string, std::string>;

/// What a source brought, and where it stands behind that.
struct FeedBatch {
  std::vector<FeedRecord> records;
  std::map<std::string, std::optional<std::string>> positions;  ///< those that changed; nullopt: is no more

  bool empty() const { return records.empty() && positions.empty(); }
};

/// A source outside Kafka, asked by whoever holds the feed what it has. What it brings is committed together
/// with the positions behind it, so each row is in the feed's topic once, unless the source brings it again
/// to replace it.
///
/// One owner, one thread. Life: (Open -> (Next -> Committed)*)*.
class FeedSource {
 public:
  virtual ~FeedSource() = default;

  /// Goes on behind `positions`, which are all that is committed: empty at the very first start. Called again
  /// when this process gets the feed anew, and when what Next brought may be lost; what was not committed is
  /// then brought again. Errors: as Next.
  virtual Status Open(FeedPositions positions) = 0;

  /// What has come, after at most `wait`; nothing, at once, when nothing is due yet. A batch is bounded by
  /// the source and is not large. An error loses nothing: the next call tries again. Errors: retryable ones;
  /// user error for what asking again will not change until somebody does something (credentials, rights,
  /// configuration): the feed pauses.
  virtual Result<FeedBatch> Next(Duration wait) = 0;

  /// What Next brought last is committed.
  virtual void Committed() {}
};

/// Takes records of a source that is told of them, and says when Kafka has them. Thread-safe.
class FeedInlet {
 public:
  using Done = std::function<void(const Status&)>;
  virtual ~FeedInlet() = default;

  /// `done` is called once, on another thread: ok when Kafka has the record. After an error it may have it
  /// all the same. Errors, right away: kResourceExhausted when too many records wait already.
  virtual Status Write(FeedRecord record, Done done) = 0;
};

/// A source outside Kafka that others tell what there is, such as a webhook. It works in every process of a
/// pipeline, from its making to its destruction, and has no position.
class FeedReceiver {
 public:
  virtual ~FeedReceiver() = default;
};

}  // namespace millrace
