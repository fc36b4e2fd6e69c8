#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "columnar/batch.h"
#include "ops/group_update.h"
#include "ops/triggered_rows.h"
#include "ops/window_aggregate.h"

namespace millrace {

/// Adds the rows of a batch to the groups of a window that has a trigger, and gives the results that it
/// fires.
///
/// In a first round all rows are added, each with the result of its group behind it, and the trigger is
/// evaluated on all of these at once. A group is cut at its first row on which that fires (or fails): it is
/// cleared (or set back to what it was), and its rows behind go into further rounds, until no row is left. A
/// round takes of a group at most twice as many rows as it gave before its last cut, so the rows that are
/// added in vain are at most about as many as all rows, however often a trigger fires; the rounds are as many
/// as the most cuts of one group.
///
/// Owned by one window, used on its thread.
class TriggerRounds {
 public:
  struct Options {
    std::shared_ptr<arrow::Schema> schema;  ///< WindowDescription::output_schema
    std::vector<int> key_columns;
    WindowTrigger trigger;
    std::int64_t size_ms;   ///< of a window
    GroupUpdate* update;    ///< these three outlive this
    GroupRows* groups;      ///< of `update`
    TriggeredRows* stored;  ///< over `groups`
  };
  explicit TriggerRounds(Options options);

  struct Rows {
    const Batch& batch;                    ///< whose arguments `update` has evaluated
    std::span<const std::int64_t> starts;  ///< of each row's window, in ms
    std::span<const std::uint32_t> slots;  ///< of each row's group
  };
  Status Add(const Rows& rows);

  // What the last Add gave.

  /// The rows on which the trigger fired, ascending.
  const std::vector<std::int32_t>& fired() const { return fired_; }
  /// The result of each; null when there is none.
  const std::shared_ptr<arrow::RecordBatch>& results() const { return results_; }
  /// Rows that were not added.
  std::vector<RowError> TakeErrors();
  /// Groups that hold no row now.
  const std::vector<std::uint32_t>& emptied() const { return emptied_; }

 private:
  static constexpr std::int64_t kNotCut = -1;
  enum class Verdict : std::uint8_t { kStays, kRefused, kFires, kFails };
  /// A group and its rows of the batch: a stretch of order_.
  struct Group {
    std::uint32_t slot = 0;
    std::size_t next = 0;   // the first that is not added
    std::size_t end = 0;    // behind the last
    std::size_t limit = 0;  // rows of the next round
    std::size_t taken = 0;  // rows of this round
    std::size_t saved = 0;  // where in saved_ its state before the round begins, and how long it is
    std::size_t saved_bytes = 0;
    std::int64_t cut_at = kNotCut;  // in this round
    bool failed = false;            // where it was cut
    bool counts = false;            // some row of this round stays in it
  };

  void Begin(const Rows& rows);
  void GroupByGroup(const Rows& rows);
  /// kBefore: asks about what the groups hold, for the first row of each.
  Status AskHeld(const Rows& rows);
  /// Chooses the rows of the next round; false when none is left.
  bool ChooseRows(const Rows& rows);
  Status RunRound(const Rows& rows);
  /// The chosen rows as `update` takes them, and their key columns.
  Result<Batch> TakeChosen(const Rows& rows, arrow::ArrayVector* keys);
  /// Keeps the states of the groups under way when the trigger can fail.
  void Save();
  /// Result rows of the aggregators' columns.
  Result<std::shared_ptr<arrow::RecordBatch>> MakeResults(arrow::ArrayVector keys,
                                                          std::vector<std::int64_t> starts_ms) const;
  void Judge(const ExprValues& answers, const AddEachErrors& added);
  void FindCuts();
  /// Goes on behind each cut.
  Status MakeCuts(const ExprValues& answers, const std::shared_ptr<arrow::RecordBatch>& results);
  void CutWhereFired(std::int32_t row);
  Status CutWhereFailed(std::int32_t row, const ExprRowError& error);
  Status SetBack(const Group& group);
  void EndRound();
  Status AddFired(const std::shared_ptr<arrow::RecordBatch>& results, const std::vector<std::int32_t>& rows);
  Status FinishFired();
  void AddError(std::int32_t row, const ExprRowError& error);

  Group& GroupOf(std::int32_t row) { return groups_[group_of_[static_cast<std::size_t>(row)]]; }
  std::size_t PositionOf(std::int32_t row) const { return position_[static_cast<std::size_t>(row)]; }

  const Options options_;
  const bool before_;
  const bool can_fail_;

  // Of the batch under way; kept for their memory.
  std::vector<Group> groups_;
  std::vector<std::uint32_t> group_of_;  // by row
  std::vector<std::int32_t> order_;      // rows, group by group
  std::vector<std::size_t> position_;    // in order_, by row
  std::vector<std::uint32_t> active_;    // groups with rows left
  bool first_round_ = true;
  std::shared_ptr<const Batch> source_;  // what rows are taken from
  std::string saved_;

  // Of the round under way.
  std::vector<std::int32_t> chosen_;
  std::vector<std::uint32_t> chosen_slots_;
  std::vector<std::int64_t> chosen_starts_;
  std::vector<Verdict> verdicts_;
  std::vector<std::int32_t> cuts_;  // where in the round a group was cut

  std::vector<std::int32_t> fired_;
  std::vector<std::shared_ptr<arrow::RecordBatch>> fired_results_;
  std::shared_ptr<arrow::RecordBatch> results_;
  std::vector<RowError> errors_;
  std::vector<std::uint32_t> emptied_;
};

}  // namespace millrace
