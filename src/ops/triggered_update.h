#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <arrow/type_fwd.h>

#include "ops/group_update.h"
#include "ops/trigger_question.h"
#include "ops/trigger_rounds.h"
#include "ops/triggered_rows.h"
#include "ops/window_aggregate.h"
#include "ops/window_results.h"

namespace millrace {

/// Adds rows to the groups of a window that has a trigger, where a row may be in several windows, and makes
/// the result rows that it fires. Owned by one window, used on its thread.
///
/// Per batch: GroupUpdate::Evaluate, then Rows or Copies, then Add, then what it gave.
class TriggeredUpdate {
 public:
  struct Options {
    const WindowTrigger& trigger;
    WindowResults::Shape shape;
    const std::vector<int>& key_columns;  ///< of the input
    GroupUpdate* update;                  ///< all of these outlive this
    GroupRows* groups;                    ///< of `update`
    SlotRows* rows;                       ///< `groups`, or these with others beside them
    TriggeredRows::Empty empty = TriggeredRows::Empty::kErased;
    bool spans = false;  ///< TriggerQuestion::Options::spans
  };
  /// Errors: user error as of TriggerQuestion::Make.
  static Result<std::unique_ptr<TriggeredUpdate>> Make(const Options& options);

  /// What the table of the window is made over.
  TriggeredRows& rows() { return rows_; }
  const TriggerQuestion& question() const { return *question_; }

  /// Rows whose arguments the update has, ready for Add.
  struct Input {
    Batch batch;
    std::vector<std::shared_ptr<arrow::Array>> keys;
  };
  /// Each row of the batch once.
  Input Rows(const Batch& batch) const { return {batch, question_->Keys(*batch.data)}; }
  /// Each row of the batch once or more: the rows `row_of`, ascending; the update has their arguments then.
  Result<Input> Copies(const Batch& batch, const std::vector<std::int32_t>& row_of);

  /// How many of the rows that Copies repeats by `row_of`, all of those whose arguments the update has, are
  /// to be added at once so that their results stay near GroupUpdate::kMostEachBytes; at least one. `slots`:
  /// of the repeated rows.
  std::int64_t RowsAtOnce(std::span<const std::uint32_t> slots,
                          const std::vector<std::int32_t>& row_of) const;
  Status Add(const TriggerRounds::Rows& rows) { return rounds_.Add(rows); }

  // What the last Add gave.

  /// Rows that were not added, ascending.
  std::vector<RowError> TakeErrors() { return rounds_.TakeErrors(); }
  /// As TriggerRounds::emptied.
  const std::vector<std::uint32_t>& emptied() const { return rounds_.emptied(); }
  /// As TriggerRounds::fired.
  const std::vector<std::int32_t>& fired() const { return rounds_.fired(); }
  /// The windows of fired(), where they are the spans of their rows.
  std::vector<WindowResults::Window> FiredSpans() const;

  /// Result rows and the rows of the batch that fired them.
  struct Fired {
    Batch batch;
    std::vector<std::int32_t> rows;

    /// Emits them in order. What closed before the row of a result comes before it, however the rows are cut
    /// into batches (T5): where `is_due(row)` says that there is something, `close(row)` emits that.
    Status EmitTo(Output& output, const std::function<bool(std::int32_t)>& is_due,
                  const std::function<Status(std::int32_t)>& close) const;
  };
  /// The results of fired(), whose `windows` and `keys` these are. Those that have no result go to `output`
  /// as dead letters.
  Result<Fired> TakeFired(std::vector<WindowResults::Window> windows, KeyBuffer keys, Output& output);

 private:
  TriggeredUpdate(const Options& options, std::unique_ptr<TriggerQuestion> question);

  const WindowResults::Shape shape_;
  GroupUpdate& update_;
  const GroupUpdate::ResultsOf results_of_;  // those of no fixed size
  const std::size_t visible_;
  TriggeredRows rows_;
  const std::unique_ptr<TriggerQuestion> question_;
  TriggerRounds rounds_;
};

/// Errors of rows that stand in a batch several times, `row_of` each: one per row, the first one's.
std::vector<RowError> ErrorsOfRows(std::vector<RowError> errors, const std::vector<std::int32_t>& row_of);

}  // namespace millrace
