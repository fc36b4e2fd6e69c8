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
  /// `schema` is WindowDescription::output_schema, whose first columns are the input's `key_columns`;
  /// `groups` outlives this. Errors: user error as of BoundExpr::Bind.
  static Result<std::unique_ptr<TriggerQuestion>> Make(const Expr& when, const arrow::Schema& schema,
                                                       const std::vector<int>& key_columns,
                                                       GroupRows* groups);

  bool can_fail() const { return when_.can_fail(); }
  bool reads_window() const { return reads_start_ || reads_end_; }
  /// Its answers cost memory for a list per row.
  bool reads_lists() const { return reads_lists_; }
  /// The aggregates whose results have to be known for each row: those that it reads, and those that may
  /// refuse a row.
  const std::vector<bool>& each() const { return each_; }
  /// The key columns that it reads.
  std::vector<std::shared_ptr<arrow::Array>> Keys(const arrow::RecordBatch& input) const;

  /// Asks about the results that the aggregators of each() hand over by Finish, `rows` of each. `keys` are
  /// those of Keys(); `starts_ms`, of their windows, are needed when it reads them.
  Status Ask(std::vector<std::shared_ptr<arrow::Array>> keys, std::vector<std::int64_t> starts_ms,
             std::int64_t size_ms, std::int64_t rows);

  // Of the last Ask.

  const ExprValues& answers() const { return answers_; }
  /// Of an aggregate in each().
  const std::shared_ptr<arrow::Array>& results(std::size_t aggregate) const { return results_[aggregate]; }

 private:
  TriggerQuestion(BoundExpr when, GroupRows* groups) : when_(std::move(when)), groups_(*groups) {}

  const BoundExpr when_;
  GroupRows& groups_;
  std::vector<int> key_columns_;  // of the input, that it reads
  bool reads_start_ = false;
  bool reads_end_ = false;
  bool reads_lists_ = false;
  std::vector<bool> read_;  // by aggregate
  std::vector<bool> each_;
  std::shared_ptr<arrow::Schema> schema_;  // of what it reads: keys, window, aggregates

  std::vector<std::shared_ptr<arrow::Array>> results_;
  ExprValues answers_;
};

}  // namespace millrace
