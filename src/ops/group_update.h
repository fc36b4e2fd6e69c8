#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "columnar/batch.h"
#include "expr/expr.h"
#include "ops/group_rows.h"
#include "ops/operator.h"

namespace millrace {

/// One result column of a window.
struct WindowAggregateSpec {
  std::string name;      ///< output column
  std::string function;  ///< "sum"
  std::string text;      ///< "sum(price * 2)": for messages and for the layout of the state
  std::optional<BoundExpr> argument = std::nullopt;     ///< none for count()
  std::optional<BoundExpr> order = std::nullopt;        ///< argmin, argmax: what is compared
  std::optional<double> parameter = std::nullopt;       ///< quantile, top_k, collect
  std::shared_ptr<const UserAggregate> user = nullptr;  ///< the user's function; null: a built-in one
};

/// What GroupUpdate::AddEach could not do; both in row order.
struct AddEachErrors {
  std::vector<RowError> refused;         ///< not added: a sum of integers would overflow (W8)
  std::vector<RowError> without_result;  ///< added, but the group has no result after it
};

/// Adds the rows of a batch to the aggregates of their groups. Owned by one window, used on its thread.
///
/// TakeOutFailed (or Evaluate), then Add or AddEach with the same batch; or AddEach with some of its rows
/// after SetArguments.
class GroupUpdate {
 public:
  static constexpr std::int64_t kMostEachBytes = 32LL << 20;

  /// `groups` has the aggregators of `aggregates`, in order, and may have hidden ones behind them. Both
  /// outlive this.
  GroupUpdate(const std::vector<WindowAggregateSpec>* aggregates, GroupRows* groups);

  /// Evaluates the arguments. Returns the rows on which one fails; without them it has to be called again.
  Result<std::vector<RowError>> Evaluate(const Batch& batch);
  /// Evaluates the arguments; rows on which one fails leave the batch as dead letters.
  Status TakeOutFailed(Batch* batch, Output& output);

  /// True when the rows whose arguments were evaluated may be combined before they meet their groups (K2a).
  bool Combinable() const;

  /// How a message names the group of a row: " in window [0, 10)".
  using GroupText = std::function<std::string(std::size_t row)>;
  /// Adds row i to the group in slots[i]. Returns the rows that were not added because a sum of integers
  /// would overflow (W8). Errors: a user's code failed.
  Result<std::vector<RowError>> Add(const Batch& batch, std::span<const std::uint32_t> slots,
                                    const GroupText& group_text);
  /// Of each row, about how much its arguments can add to the results of its group that are of no fixed size;
  /// empty when there are none.
  std::vector<std::int64_t> ArgumentBytes() const;
  /// How often results are wanted.
  enum class ResultsOf : std::uint8_t { kEachRow, kEachGroup };
  /// How many rows, the first of those in these groups, may be added at once so that their results stay near
  /// kMostEachBytes; at least one. `argument_bytes`: theirs, of ArgumentBytes.
  std::size_t RowsAtOnce(std::span<const std::uint32_t> slots, std::span<const std::int64_t> argument_bytes,
                         ResultsOf results_of) const;
  /// As Add for the aggregators in `each`, which has those that may refuse a row. Appends the results of its
  /// group behind each row, to the columns that their Finish hands over; those of the rows returned mean
  /// nothing.
  Result<AddEachErrors> AddEach(const Batch& batch, std::span<const std::uint32_t> slots,
                                const GroupText& group_text, const std::vector<bool>& each);
  /// As Add for the aggregators that are not in `each`: behind AddEach, for the rows that are to be added.
  Status AddOthers(const Batch& batch, std::span<const std::uint32_t> slots, const std::vector<bool>& each);
  /// "" or why one of the aggregators in `each` has no result for the group of `row`.
  std::string WithoutResult(std::uint32_t slot, std::size_t row, const GroupText& group_text,
                            const std::vector<bool>& each);

  /// The rows of the batch whose arguments were evaluated, with these in place of its columns, and `more`
  /// columns behind them: what rows can be taken from.
  Batch WithArguments(const Batch& batch, std::vector<std::shared_ptr<arrow::Array>> more) const;
  /// Takes over the arguments of rows that were taken from WithArguments. Returns its further columns.
  std::vector<std::shared_ptr<arrow::Array>> SetArguments(const Batch& taken);

 private:
  /// Sets rows_ and offsets_.
  void SetRows(const Batch& batch, std::span<const std::uint32_t> slots);
  AggregateInput InputOf(std::size_t aggregate, const Batch& batch) const;
  /// Adds one row of an input to one aggregate.
  bool UpdateRow(std::size_t aggregate, const AggregateInput& input, std::size_t row);
  /// Of an aggregate that holds values: rows whose argument is too long for its state.
  std::vector<RowError> TooLarge(std::size_t aggregate) const;
  /// "" or the aggregate to which a row cannot be added, and why.
  std::string Overflow(const Batch& batch, std::size_t row, const GroupText& group_text) const;
  /// Takes AddEach back from the checked aggregates up to `last`, which could not take the batch as a whole.
  Status UndoEach(const Batch& batch, std::size_t last);
  /// AddEach, when the batch cannot be added as a whole.
  Result<AddEachErrors> AddEachByRow(const Batch& batch, std::span<const std::uint32_t> slots,
                                     const GroupText& group_text, const std::vector<bool>& each);
  /// Adds row by row to the checked aggregates, after they could not take the batch as a whole.
  std::vector<RowError> UpdateCheckedByRow(const Batch& batch, const GroupText& group_text);
  void UpdateUnchecked(const Batch& batch, const std::vector<RowError>& without);

  const std::vector<WindowAggregateSpec>& aggregates_;
  GroupRows& groups_;
  const bool orders_rows_;  // some aggregate depends on the order of rows
  // All aggregates, those that may overflow first: only they can be undone.
  const std::vector<std::size_t> checked_first_;

  // Of the batch under way; kept for their memory.
  std::vector<std::shared_ptr<arrow::Array>> arguments_;
  std::vector<std::shared_ptr<arrow::Array>> orders_;
  std::vector<std::byte*> rows_;
  std::vector<std::int64_t> offsets_;
};

}  // namespace millrace
