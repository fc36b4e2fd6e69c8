#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/duration.h"
#include "expr/expr.h"
#include "ops/operator.h"
#include "ops/rekey.h"
#include "state/state_store.h"

namespace millrace {

/// When a window's results leave (W3).
enum class EmitMode {
  kFinal,    ///< once per (window, key), when the window closes
  kCurrent,  ///< after each batch for every (window, key) that changed, and once more at close; a column
             ///< `final` tells
};

struct WindowAggregateOptions {
  struct Aggregate {
    std::string name;                   ///< output column
    std::string function;               ///< "sum"
    std::string text;                   ///< "sum(price * 2)": for messages and for the layout of the state
    std::optional<BoundExpr> argument;  ///< none for count()
  };
  std::string name;  ///< of the step and of its state table (K4)
  std::vector<std::string> by;
  NullKeyPolicy null_key = NullKeyPolicy::kError;
  Duration size{0};
  Duration grace{0};
  Duration offset{0};
  EmitMode emit = EmitMode::kFinal;
  std::vector<Aggregate> aggregates;
};

/// What a plan must know of a window before it runs.
struct WindowDescription {
  /// `by` columns, window_start, window_end (timestamp[ms]), aggregates; under kCurrent also `final` (bool).
  std::shared_ptr<arrow::Schema> output_schema;
  /// "<name>=<layout>": a line of StateStoreOptions::layout.
  std::string state_layout;
};

/// Errors: user error when a column is missing, a type does not fit or the size is not positive.
Result<WindowDescription> DescribeWindow(const WindowAggregateOptions& options, const arrow::Schema& input);

/// Assigns rows to tumbling time windows [start, end) and keeps one row of aggregates per (window, key).
///
/// Owned by one task and used only on its worker thread. Make -> Process* / AdvanceTime* -> destroy, before
/// its store; state lives in the store's table `options.name` and survives the object: roll back and restore
/// by the store alone.
///
/// Invariants:
///   1. A final result is emitted at most once per window and key, and only when watermark >= end + grace.
///   2. After AdvanceTime(w) no state exists for a window with end + grace <= w.
///   3. The same rows in the same order give the same results, however they are cut into batches.
///
/// A row leaves by the first of these that applies: tombstone (absorbed), null key, no representable window,
/// late, argument error, overflow of an integer sum (W8); else every aggregate counts it.
Result<std::unique_ptr<Operator>> MakeWindowAggregate(WindowAggregateOptions options,
                                                      const std::shared_ptr<arrow::Schema>& input,
                                                      StateStore& store);

}  // namespace millrace
