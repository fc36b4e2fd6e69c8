#pragma once

#include <memory>
#include <string>
#include <vector>

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
};

/// What a plan must know of the step before it runs.
struct RunningDescription {
  std::shared_ptr<arrow::Schema> output_schema;  ///< `by` columns, aggregates
  std::string state_layout;                      ///< "<name>=<layout>": a line of StateStoreOptions::layout
};

/// Errors: user error when a column is missing or a type does not fit.
Result<RunningDescription> DescribeRunning(const RunningOptions& options, const arrow::Schema& input);

/// Aggregates over all rows of a key so far, without a window. Each row gives one result row, with the
/// aggregates as they stand after it and with the row's event time; so results do not depend on how rows are
/// cut into batches (T5).
///
/// A row leaves by the first of these that applies: tombstone (absorbed), null key, argument error, overflow
/// of an integer sum (W8: the row is not counted); else every aggregate counts it. No row is late.
///
/// State: one row of aggregates per key, without end. Owned by one task, used on its thread; `store` null:
/// only checks the options.
Result<std::unique_ptr<Operator>> MakeRunning(RunningOptions options,
                                              const std::shared_ptr<arrow::Schema>& input, StateStore* store);

}  // namespace millrace
