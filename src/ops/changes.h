#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/duration.h"
#include "ops/operator.h"
#include "ops/rekey.h"
#include "state/state_store.h"

namespace millrace {

struct ChangesOptions {
  std::string name;  ///< of the step and of its state table (K4)
  std::vector<std::string> by;
  NullKeyPolicy null_key = NullKeyPolicy::kError;
  std::vector<std::string> columns;            ///< compared with the key's row before
  std::optional<Duration> ttl = std::nullopt;  ///< none: keys stay
};

/// "<name>=<layout>": a line of StateStoreOptions::layout. Errors: user error when a column is missing or
/// cannot be compared (lists and structs), or `ttl` is not positive.
Result<std::string> ChangesLayout(const ChangesOptions& options, const arrow::Schema& input);

/// Lets a row pass when a value of `columns` differs from that of the key's row before it in the order of the
/// partition; the first row of a key passes, the others are absorbed. Null equals null, NaN equals NaN, -0
/// equals 0. Tombstones are absorbed and change nothing. With `ttl` the first row of a key that was not seen
/// for so long passes too: see KeyLives.
///
/// State: the compared values per key; only keys whose values changed, or whose end moved, are written at a
/// checkpoint. Owned by one task, used on its thread; `store` null: only checks the options.
Result<std::unique_ptr<Operator>> MakeChanges(ChangesOptions options,
                                              const std::shared_ptr<arrow::Schema>& input, StateStore* store);

}  // namespace millrace
