#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/datum.h>
#include <arrow/type_fwd.h>

#include "base/result.h"
#include "expr/expr.h"

namespace millrace::expr_internal {

/// The rows of a batch on which an expression failed. The first failure of a row counts.
class RowFailures {
 public:
  void Add(std::int64_t row, std::string_view error_class, std::string message);
  bool empty() const { return by_row_.empty(); }
  /// Ascending by row.
  std::vector<ExprRowError> Take();

 private:
  std::map<std::int64_t, ExprRowError> by_row_;
};

/// The rows that a node is evaluated on: a whole batch, or those rows of another scope that select a branch.
/// Lives on the stack of one Evaluate call; a narrower scope must not outlive the wider one.
class EvalScope {
 public:
  EvalScope(const arrow::RecordBatch& batch, RowFailures* failures);
  /// Rows `rows` (ascending, no nulls) of `outer`.
  EvalScope(EvalScope& outer, std::shared_ptr<arrow::Int64Array> rows);
  EvalScope(const EvalScope&) = delete;
  EvalScope& operator=(const EvalScope&) = delete;

  std::int64_t num_rows() const;
  /// The column of the batch with just the rows of this scope; gathered once per scope.
  Result<std::shared_ptr<arrow::Array>> Column(int index);
  /// `row` counts within this scope.
  void Fail(std::int64_t row, std::string_view error_class, std::string message);

 private:
  const arrow::RecordBatch* const batch_;
  EvalScope* const outer_;
  const std::shared_ptr<arrow::Int64Array> rows_;
  RowFailures* const failures_;
  std::vector<std::shared_ptr<arrow::Array>> gathered_;
};

/// One node of an expression checked against a schema. Immutable, thread-safe.
class BoundNode {
 public:
  BoundNode(std::shared_ptr<arrow::DataType> type, bool can_fail)
      : type_(std::move(type)), can_fail_(can_fail) {}
  BoundNode(const BoundNode&) = delete;
  BoundNode& operator=(const BoundNode&) = delete;
  virtual ~BoundNode() = default;

  const std::shared_ptr<arrow::DataType>& type() const { return type_; }
  /// Whether some row may fail. Nodes that cannot are evaluated on all rows even where only some are wanted.
  bool can_fail() const { return can_fail_; }
  /// Its value when it is a constant, else null.
  virtual std::shared_ptr<arrow::Scalar> constant() const { return nullptr; }

  /// A scalar, or an array of scope.num_rows() values, of type(). Rows that fail are given to the scope and
  /// are null.
  virtual Result<arrow::Datum> Evaluate(EvalScope& scope) const = 0;

 private:
  const std::shared_ptr<arrow::DataType> type_;
  const bool can_fail_;
};

using BoundNodePtr = std::shared_ptr<const BoundNode>;

BoundNodePtr MakeConstantNode(std::shared_ptr<arrow::Scalar> value);
BoundNodePtr MakeColumnNode(int index, std::shared_ptr<arrow::DataType> type);

/// The value as an array of `rows` entries.
Result<std::shared_ptr<arrow::Array>> ToArray(const arrow::Datum& value, std::int64_t rows);

}  // namespace millrace::expr_internal
