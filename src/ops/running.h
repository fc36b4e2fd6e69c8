#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/duration.h"
#include "ops/group_update.h"
#include "ops/operator.h"
#include "ops/rekey.h"
#include "state/state_store.h"

namespace millrace {

struct RunningOptions {
  std::string name;  ///< of the step and of its state table (K4)
  std::vector<std::string> by;
  NullKeyPolicy null_key = NullKeyPolicy::kError;
  std::vector<WindowAggregateSpec> aggregates;
  std::optional<Duration> ttl = std::nullopt;  ///< none: keys stay
};

/// What a plan must know of the step before it runs.
struct RunningDescription {
  std::shared_ptr<arrow::Schema> output_schema;  ///< `by` columns, aggregates
  std::string state_layout;                      ///< "<name>=<layout>": a line of StateStoreOptions::layout
};

/// Errors: user error when a column is missing, a type does not fit, or `ttl` is not positive.
Result<RunningDescription> DescribeRunning(const RunningOptions& options, const arrow::Schema& input);

/// Aggregates over all rows of a key so far, without a window. Each row gives one result row, with the
/// aggregates as they stand after it and with the row's event time; so results do not depend on how rows are
/// cut into batches (T5).
///
/// With `ttl` the aggregates of a key that was not seen for so long begin anew: see KeyLives.
///
/// A row leaves by the first of these that applies: tombstone (absorbed), null key, late (with `ttl` only),
/// argument error, overflow of an integer sum (W8: the row is not counted); else every aggregate counts it.
///
/// State: one row of aggregates per key. Owned by one task, used on its thread; `store` null:
/// only checks the options.
Result<std::unique_ptr<Operator>> MakeRunning(RunningOptions options,
                                              const std::shared_ptr<arrow::Schema>& input, StateStore* store);

}  // namespace millrace
