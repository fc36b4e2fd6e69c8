#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/duration.h"
#include "base/ids.h"
#include "ops/operator.h"
#include "ops/rekey.h"
#include "state/state_store.h"

namespace millrace {

struct LatestOptions {
  std::string name;  ///< of the step and of its state table (K4)
  std::vector<std::string> by;
  NullKeyPolicy null_key = NullKeyPolicy::kError;
  std::optional<Duration> ttl = std::nullopt;  ///< none: rows stay
  TopicPartition origin = {};                  ///< as WindowAggregateOptions::origin, of rows that expire
};

/// "<name>=<layout>": a line of StateStoreOptions::layout. Errors: user error when a column is missing,
/// cannot be a key, or `ttl` is not positive.
Result<std::string> LatestLayout(const LatestOptions& options, const arrow::Schema& input);

/// A table: the latest row of each key, by event time and, within one time, by the record it came from. Emits
/// a row when it becomes the latest; older rows are absorbed.
///
/// A tombstone whose key columns are known (those that the message key fills) deletes the row of its key when
/// it is the latest, and is emitted; one that deletes nothing, or has no key, is absorbed. The time of a
/// deletion is kept, so that an older row does not bring the key back.
///
/// With `ttl` a row expires at event time + ttl by the watermark, in steps of ttl / 256: a tombstone of its
/// key is emitted, with that event time. A row that comes when its own time is over is late. Nothing depends
/// on how rows are cut into batches (T5): rows and expiries leave in the order of rows and watermarks.
///
/// State: the latest row per key, and with `ttl` one entry per key for its expiry. Owned by one task, used on
/// its thread; `store` null: only checks the options.
Result<std::unique_ptr<Operator>> MakeLatest(LatestOptions options,
                                             const std::shared_ptr<arrow::Schema>& input, StateStore* store);

}  // namespace millrace
