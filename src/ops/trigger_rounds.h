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
#include "ops/trigger_question.h"
#include "ops/triggered_rows.h"

namespace millrace {

/// Adds the rows of a batch to the groups of a window that has a trigger, and gives the results that it
/// fires.
///
/// In a first round all rows are added, with the result of its group behind each as far as the trigger reads
/// it, and the trigger is asked about all of these at once. A group is cut at its first row on which that
/// fires (or fails): it is cleared (or set back to what it was), and its rows behind go into further rounds,
/// until no row is left. A round takes of a group at most twice as many rows as it gave before its last cut,
/// so the rows that are added in vain are at most about as many as all rows, however often a trigger fires;
/// the rounds are as many as the most cuts of one group.
///
/// Owned by one window, used on its thread.
class TriggerRounds {
 public:
  struct Options {
    bool before;                ///< WindowTrigger::before
    TriggerQuestion* question;  ///< all outlive this
    GroupUpdate* update;
    GroupRows* groups;      ///< of `update`
    TriggeredRows* stored;  ///< over `groups`
  };
  explicit TriggerRounds(Options options)
      : options_(options),
        bounded_(options.groups->bounded()),
        all_aggregates_(options.groups->size(), true) {}

  /// What the question is told of windows, in ms; empty when it does not need them.
  struct Windows {
    std::span<const std::int64_t> starts;
    std::span<const std::int64_t> ends;
  };
  /// Rows and what they are added to; a row that is in several windows stands here as often.
  struct Rows {
    const Batch& batch;                                      ///< whose arguments `update` has
    const std::vector<std::shared_ptr<arrow::Array>>& keys;  ///< TriggerQuestion::Keys of the batch
    std::span<const std::uint32_t> slots;                    ///< of each row's group
    Windows windows;                                         ///< of each row's group, with the row
    Windows windows_before;                                  ///< and before it: of first rows, under `before`
    std::span<const std::int32_t> last;  ///< behind which its group is released; ascending
    GroupUpdate::GroupText text;
  };
  Status Add(const Rows& rows);

  // What the last Add gave.

  /// The rows on which the trigger fired, and those of `last` whose group held something then; ascending. A
  /// row that is both stands here twice, under `before`.
  const std::vector<std::int32_t>& fired() const { return fired_; }
  /// Of each aggregate of TriggerQuestion::of_result, the results for these rows; empty when there are none.
  const std::vector<std::shared_ptr<arrow::Array>>& results() const { return results_; }
  /// Those among fired(), by their place there, whose group has no result (W8).
  std::vector<RowError> TakeWithoutResult();
  /// Rows that were not added.
  std::vector<RowError> TakeErrors();
  /// Groups that hold no row now.
  const std::vector<std::uint32_t>& emptied() const { return emptied_; }

 private:
  enum class Verdict : std::uint8_t { kStays, kRefused, kFires, kFails };
  static constexpr std::int64_t kNotCut = -1;
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

  /// Rows of a round, with their arguments in `update`.
  struct Chosen {
    Batch batch;
    std::span<const std::uint32_t> slots;
  };

  void Clear();
  /// Finds the groups of the batch and orders its rows by them.
  void FindGroups(const Rows& rows);
  /// Before an update: asks about what the groups hold, for the first row of each.
  Status AskHeld(const Rows& rows);
  /// Chooses the rows of the first round; false when there is none.
  bool ChooseAll(const Rows& rows);
  /// Chooses the rows of a further round; false when none is left.
  bool ChooseNext();
  void StartRound();
  Status RunRound(const Rows& rows);
  Result<Chosen> Take(const Rows& rows, const std::vector<std::int32_t>& which,
                      std::vector<std::shared_ptr<arrow::Array>>* keys);
  /// Keeps the states of the groups under way when the trigger can fail.
  void Save();
  Status Ask(const Windows& windows, const std::vector<std::int32_t>& which,
             std::vector<std::shared_ptr<arrow::Array>> keys);
  void Judge();
  /// Cuts each group at its first row on which the trigger does not stay.
  void FindCuts();
  /// Adds the rows of the round that stay to the aggregates that were not added for each row.
  Status AddOthers(const Rows& rows, const Chosen& chosen);
  /// Goes on behind each cut.
  Status MakeCuts(const Rows& rows);
  void CutWhereFired(std::int32_t row);
  Status CutWhereFailed(std::int32_t row, const ExprRowError& error);
  Status SetBack(const Group& group);
  /// Takes the results of the groups that fired last, and clears these. `at`: their places in the question.
  Status ReleaseFired(const Rows& rows, const std::vector<std::int32_t>& at);
  /// Takes the results of what the rows `last` leave in their groups, and clears these.
  Status ReleaseLast(const Rows& rows);
  /// Clears the group of a row whose result is the one at `place` of fired_.
  void Release(const Rows& rows, std::int32_t row, std::uint32_t slot, std::size_t place);
  void FindEmptied(const Rows& rows);
  Status FinishFired();
  Status AppendResult(std::size_t aggregate, std::uint32_t slot);
  void AddError(std::int32_t row, const ExprRowError& error);

  Group& GroupOf(std::int32_t row) { return groups_[group_of_[static_cast<std::size_t>(row)]]; }
  std::size_t PositionOf(std::int32_t row) const { return position_[static_cast<std::size_t>(row)]; }

  const Options options_;
  const bool bounded_;  // some group may have no result
  const std::vector<bool> all_aggregates_;

  // Of the batch under way; kept for their memory.
  std::vector<Group> groups_;
  std::vector<std::uint32_t> group_of_;  // by row
  std::vector<std::int32_t> order_;      // rows, group by group
  std::vector<std::size_t> position_;    // in order_, by row
  std::vector<std::uint32_t> active_;    // groups with rows left
  std::shared_ptr<const Batch> source_;  // what rows are taken from
  std::string saved_;

  // Of the round under way.
  std::vector<std::int32_t> chosen_;
  std::vector<std::uint32_t> chosen_slots_;
  AddEachErrors added_;
  std::vector<Verdict> verdicts_;
  std::vector<std::int32_t> cuts_;  // where in the round a group was cut

  std::vector<std::int32_t> fired_;
  std::vector<std::vector<std::shared_ptr<arrow::Array>>> fired_parts_;  // by aggregate
  std::vector<std::shared_ptr<arrow::Array>> results_;
  std::vector<RowError> without_result_;
  std::vector<RowError> errors_;
  std::vector<std::uint32_t> emptied_;
};

}  // namespace millrace
