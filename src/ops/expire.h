#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "expr/expr.h"
#include "ops/operator.h"
#include "ops/rekey.h"
#include "state/state_store.h"

namespace millrace {

struct ExpireOptions {
  std::string name;  ///< of the step and of its state table (K4)
  std::vector<std::string> by;
  NullKeyPolicy null_key = NullKeyPolicy::kError;
  TopicPartition origin = {};       ///< as WindowAggregateOptions::origin, of rows that end
  bool judges_by_first_run = true;  ///< what was over when the pipeline ran for the first time is over
};

/// "<name>=<layout>": a line of StateStoreOptions::layout. Errors: user error when a column is missing or
/// cannot be a key.
Result<std::string> ExpireLayout(const ExpireOptions& options, const arrow::Schema& input);

/// Gives each row the end that `at`, a timestamp, says, null for none: rows pass, and when the watermark
/// reaches the end of a key's live row, a tombstone of the key follows, with the end as its event time.
///
/// The live row of a key is the latest that passed, by event time and, within one time, by the record it came
/// from, as in `latest`: it says when the key ends. A row that comes when its end is over, by the watermark
/// before it, its own event time or, as `judges_by_first_run`, the wall clock at the first run, is late and
/// does not pass, so that no key comes back, also where a new pipeline reads an old topic; but where it would
/// be the live row of a key that has one, the key has ended: the row passes as a tombstone. A tombstone
/// passes and, unless it is older than the live row, ends the key; one without a key is absorbed. A row on
/// which `at` fails is a dead letter.
///
/// Ends leave to the millisecond, in the order of their times and then of their keys, between the rows that
/// come before and after them in the order of watermarks: nothing depends on how rows are cut into batches
/// (T5).
///
/// State: place and end of the live row per key, and one or few entries per key that ends; what never ends
/// stays until a tombstone. Owned by one task, used on its thread; `store` null: only checks the options.
/// Errors: user error also when `at` is no timestamp.
Result<std::unique_ptr<Operator>> MakeExpire(ExpireOptions options, BoundExpr at,
                                             const std::shared_ptr<arrow::Schema>& input, StateStore* store);

}  // namespace millrace
