#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <arrow/type_fwd.h>

#include "expr/expr.h"
#include "ops/group_rows.h"

namespace millrace {

/// The expression of a window's trigger, over those result columns that it reads. Owned by one window, used
/// on its thread.
class TriggerQuestion {
 public:
  struct Options {
    const arrow::Schema& schema;          ///< WindowDescription::output_schema
    const std::vector<int>& key_columns;  ///< of the input: the first columns of `schema`
    GroupRows* groups;                    ///< outlives the question
    /// Start and end of a window are those of its rows: the last aggregator of `groups`, hidden, is a
    /// WindowSpanAggregator.
    bool spans = false;
  };
  /// Errors: user error as of BoundExpr::Bind.
  static Result<std::unique_ptr<TriggerQuestion>> Make(const Expr& when, const Options& options);

  bool can_fail() const { return when_.can_fail(); }
  /// Its Ask needs windows.
  bool needs_windows() const { return (reads_start_ || reads_end_) && !spans_; }
  /// Its answers cost memory for a list per row.
  bool reads_lists() const { return reads_lists_; }
  /// The aggregates whose results have to be known for each row: those that it reads, and those that may
  /// refuse a row.
  const std::vector<bool>& each() const { return each_; }
  /// The first so many aggregates make up a result: those that are shown, and the span where there is one.
  std::size_t of_result() const { return groups_.visible() + (spans_ ? 1 : 0); }
  /// The key columns that it reads.
  std::vector<std::shared_ptr<arrow::Array>> Keys(const arrow::RecordBatch& input) const;

  struct Windows {
    std::vector<std::int64_t> starts_ms;
    std::vector<std::int64_t> ends_ms;
  };
  /// Asks about the results that the aggregators of each() hand over by Finish, `rows` of each. `keys` are
  /// those of Keys(); `windows` are theirs when needs_windows().
  Status Ask(std::vector<std::shared_ptr<arrow::Array>> keys, Windows windows, std::int64_t rows);

  // Of the last Ask.

  const ExprValues& answers() const { return answers_; }
  /// Of an aggregate in each().
  const std::shared_ptr<arrow::Array>& results(std::size_t aggregate) const { return results_[aggregate]; }

 private:
  TriggerQuestion(BoundExpr when, const Options& options)
      : when_(std::move(when)), groups_(*options.groups), spans_(options.spans) {}

  const BoundExpr when_;
  GroupRows& groups_;
  const bool spans_;
  std::vector<int> key_columns_;  // of the input, that it reads
  bool reads_start_ = false;
  bool reads_end_ = false;
  bool reads_lists_ = false;
  std::vector<bool> read_;  // by aggregate: as a column of its own
  std::vector<bool> each_;
  std::shared_ptr<arrow::Schema> schema_;  // of what it reads: keys, window, aggregates

  std::vector<std::shared_ptr<arrow::Array>> results_;
  ExprValues answers_;
};

}  // namespace millrace
