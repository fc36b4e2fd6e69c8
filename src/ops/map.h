#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/duration.h"
#include "millrace/keyed_state.h"
#include "ops/operator.h"
#include "ops/rekey.h"
#include "state/state_store.h"

namespace millrace {

struct MapOptions {
  std::string name;  ///< of the step and of its state table (K4)
  std::vector<std::string> by;
  NullKeyPolicy null_key = NullKeyPolicy::kError;
  std::optional<Duration> ttl = std::nullopt;        ///< none: values stay
  std::shared_ptr<arrow::Schema> columns = nullptr;  ///< of the result; null: those of the input
  MapFunction function = nullptr;
};

/// "<name>=<layout>": a line of StateStoreOptions::layout. Errors: user error when a column is missing,
/// cannot be a key, or `ttl` is not positive.
Result<std::string> MapLayout(const MapOptions& options, const arrow::Schema& input);

/// Runs a user's function over batches, with a value per key (KeyedState). Tombstones are absorbed. Results
/// keep event time and record of their rows; their key is `by`.
///
/// State: one value per key that has one, and with `ttl` one entry per key for its expiry, which costs in
/// proportion to what expires. Owned by one task, used on its thread; `store` null: only checks the options.
Result<std::unique_ptr<Operator>> MakeMap(MapOptions options, const std::shared_ptr<arrow::Schema>& input,
                                          StateStore* store);

}  // namespace millrace
