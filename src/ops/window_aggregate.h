#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/duration.h"
#include "ops/group_update.h"
#include "ops/operator.h"
#include "ops/rekey.h"
#include "ops/window_assigner.h"
#include "state/state_store.h"

namespace millrace {

/// When a window's results leave (W3).
enum class EmitMode {
  kFinal,    ///< once per (window, key), when the window closes
  kCurrent,  ///< after each batch for every (window, key) that changed, and once more at close; a column
             ///< `final` tells
};

/// By which clock a window closes (W5).
enum class ClosingMode {
  kPartition,  ///< the watermark
  kKey,        ///< the greatest event time of its key, or the watermark when that is greater; tumbling,
               ///< hopping and session only
};

/// How rows are put into windows (W4).
enum class WindowKind {
  kTumbling,  ///< one after the other
  kHopping,   ///< one every step, overlapping
  kSliding,   ///< one per event time t of a key: (t - size, t], so window_end is t + 1 ms
  kSession,   ///< one per stretch of rows of a key that are less than `size` apart
  kCount,     ///< `count` rows of a key, one beginning every `count_step` rows
};

/// Emits the result of a key and window before it closes, and begins that one anew. Each window of a row is
/// asked for itself.
struct WindowTrigger {
  Expr when;            ///< over the result columns without `final`; null counts as false
  bool before = false;  ///< is asked before a row is added, and the result leaves without that row
};

struct WindowAggregateOptions {
  using Aggregate = WindowAggregateSpec;
  std::string name;  ///< of the step and of its state table (K4)
  std::vector<std::string> by;
  NullKeyPolicy null_key = NullKeyPolicy::kError;
  WindowKind kind = WindowKind::kTumbling;
  Duration size{0};
  Duration step{0};             ///< kHopping
  std::int64_t count = 0;       ///< kCount
  std::int64_t count_step = 0;  ///< kCount
  Duration grace{0};
  Duration offset{0};
  EmitMode emit = EmitMode::kFinal;
  ClosingMode closing = ClosingMode::kPartition;
  std::vector<Aggregate> aggregates;
  std::optional<WindowTrigger> trigger = std::nullopt;  ///< not kSliding
  /// Batch::origin of all results: where the task reads. It must not depend on which input has come since the
  /// task started (T5).
  TopicPartition origin = {};
};

/// What a plan must know of a window before it runs.
struct WindowDescription {
  /// `by` columns, window_start, window_end (timestamp[ms]), aggregates; under kCurrent also `final` (bool).
  std::shared_ptr<arrow::Schema> output_schema;
  /// "<name>=<layout>": a line of StateStoreOptions::layout.
  std::string state_layout;
};

/// How the rows of tumbling, hopping and sliding windows are cut into panes.
WindowAssigner::Shape AssignerShape(const WindowAggregateOptions& options);

/// Errors: user error when a column is missing, a type does not fit or a size is not positive.
Result<WindowDescription> DescribeWindow(const WindowAggregateOptions& options, const arrow::Schema& input);

/// Makes the aggregators of a window's result columns, in order.
Result<std::vector<std::unique_ptr<Aggregator>>> MakeAggregators(const WindowAggregateOptions& options);

/// Assigns rows to time windows [start, end) and keeps aggregates per (pane, key): a row is counted once,
/// however many windows it belongs to, and panes are merged when a window closes.
///
/// Session and count windows, and windows that close by key or have a trigger, have rows of their own: see
/// session_window.h, count_window.h, key_closing_window.h and triggered_window.h.
///
/// Owned by one task and used only on its worker thread. Make -> RestoreTime -> Process* / AdvanceTime* ->
/// destroy, before its store; state lives in the store's table `options.name` and survives the object: roll
/// back and restore by the store, then tell the time by RestoreTime.
///
/// Invariants:
///   1. A final result is emitted at most once per window and key, and only when watermark >= end + grace;
///      with a trigger also whenever that fires, and each row is in at most one result.
///   2. After AdvanceTime(w) no state exists for a window with end + grace <= w.
///   3. The same rows in the same order give the same results, however they are cut into batches.
///
/// Takes partial aggregates (see partial_aggregate.h) as the rows that they stand for: such a batch is late,
/// and counted, by the panes of its rows. Precondition: PartialLayout of its options is the batch's.
///
/// A row leaves by the first of these that applies: tombstone (absorbed), null key, no representable window,
/// late (all its windows are closed), argument error, overflow of an integer sum (W8), failure of the
/// trigger; else every aggregate counts it in those of its windows that are open.
Result<std::unique_ptr<Operator>> MakeWindowAggregate(WindowAggregateOptions options,
                                                      const std::shared_ptr<arrow::Schema>& input,
                                                      StateStore& store);

}  // namespace millrace
