#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/duration.h"
#include "ops/operator.h"
#include "ops/rekey.h"
#include "state/state_store.h"

namespace millrace {

struct DeduplicateOptions {
  std::string name;  ///< of the step and of its state table (K4)
  std::vector<std::string> by;
  NullKeyPolicy null_key = NullKeyPolicy::kError;
  Duration within{0};
};

/// "<name>=<layout>": a line of StateStoreOptions::layout. Errors: user error when a column is missing,
/// cannot be a key, or `within` is not positive.
Result<std::string> DeduplicateLayout(const DeduplicateOptions& options, const arrow::Schema& input);

/// Lets the first row of a key pass and absorbs its repeats.
///
/// Rows are judged in the order of their partition. A row is a repeat when a row of its key has passed whose
/// event time is less than `within` away, before or after it; repeats do not prolong the span. A row is late
/// when its own span is over, event time + within <= the watermark before it; it does not pass. So no two
/// rows of a key with event times less than `within` apart ever pass, however late they come, and nothing
/// depends on how rows are cut into batches (T5). Tombstones are absorbed.
///
/// State: one time per row that passed, in slices as long as `within`. A slice is dropped whole when no row
/// that is not late can lie within reach of it: after at most three spans. Owned by one task, used on its
/// thread; `store` null: only checks the options.
Result<std::unique_ptr<Operator>> MakeDeduplicate(DeduplicateOptions options,
                                                  const std::shared_ptr<arrow::Schema>& input,
                                                  StateStore* store);

}  // namespace millrace
