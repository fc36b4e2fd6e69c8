#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"

namespace millrace {

namespace expr_internal {
struct Node;
}

/// An expression as written: a tree that knows no schema yet. Immutable, cheap to copy, thread-safe.
///
/// Made by ParseExpr or by the builder (expr/builder.h); both make the same trees.
class Expr {
 public:
  Expr() = default;
  explicit Expr(std::shared_ptr<const expr_internal::Node> node) : node_(std::move(node)) {}

  bool empty() const { return node_ == nullptr; }
  const expr_internal::Node& node() const { return *node_; }
  const std::shared_ptr<const expr_internal::Node>& ptr() const { return node_; }

  /// Canonical text that ParseExpr reads back to an equal tree.
  std::string ToString() const;
  /// Names of the top-level columns it reads, sorted, no repeats.
  std::vector<std::string> Columns() const;
  /// The column name when the whole expression is one plain column, else "".
  std::string AsColumn() const;

 private:
  std::shared_ptr<const expr_internal::Node> node_;
};

/// Parses SQL expression text (docs/functions.md has the grammar).
/// Errors: user error whose message ends in " at character N" (1-based), with what was expected.
Result<Expr> ParseExpr(std::string_view text);

/// What Bind says of columns that `schema` does not have: an error for each name, at its first use.
std::vector<Status> MissingColumns(const Expr& expr, const arrow::Schema& schema);

/// Loads the compute kernels. To be called once, on the main thread, before anything is bound.
Status InitializeExpressions();

/// One row on which an expression failed (division by zero, cast overflow); `message` names the expression.
struct ExprRowError {
  std::int64_t row;
  std::string error_class;
  std::string message;
};

/// Values of one expression over one batch.
struct ExprValues {
  /// One value per input row; rows named in `errors` hold null.
  std::shared_ptr<arrow::Array> values;
  /// Ascending by row, no repeats; empty in the common case.
  std::vector<ExprRowError> errors;
};

/// An expression checked against a schema: ready to evaluate. Immutable, thread-safe.
class BoundExpr {
 public:
  /// Resolves columns and functions, inserts implicit casts (integer widening, integer to double, string to
  /// timestamp literals) and checks types. Errors: user error naming the column, function or type, where in
  /// the text, with a "did you mean".
  static Result<BoundExpr> Bind(const Expr& expr, const std::shared_ptr<arrow::Schema>& schema);

  const std::shared_ptr<arrow::DataType>& type() const;
  /// False when no row can fail.
  bool can_fail() const;

  /// Evaluates with checked kernels over the whole batch; only when that fails are the failing rows found by
  /// bisection (R8) and the rest kept. Branches of `case` see only the rows that select them. Errors: only
  /// for failures that no single row explains (out of memory, a bug).
  Result<ExprValues> Evaluate(const arrow::RecordBatch& batch) const;

 private:
  struct Impl;
  explicit BoundExpr(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

/// An aggregate call as written in `window.aggregate`: "count()", "sum(revenue * 2)", "quantile(ms, 0.99)",
/// "argmax(user, score)", "sum(x) where y > 0".
struct AggregateCall {
  std::string function;
  Expr argument = Expr();                          ///< empty for count()
  Expr order = Expr();                             ///< argmin and argmax: what is compared
  std::optional<double> parameter = std::nullopt;  ///< quantile: which; top_k and collect: how many
  Expr where = Expr();                             ///< only rows for which this is true count; empty: all

  /// Text that ParseAggregateCall reads back.
  std::string ToString() const;
  /// What is evaluated: `argument`, or null where `where` is not true. Empty for count() without `where`.
  Expr Filtered() const;
};

/// Errors as ParseExpr, and for an unknown aggregate function with a "did you mean".
Result<AggregateCall> ParseAggregateCall(std::string_view text);

/// One entry of the function registry, for docs and "did you mean".
struct FunctionInfo {
  std::string name;
  std::string signature;  ///< "substring(string, int64, int64) -> string"
  std::string summary;    ///< one sentence
  std::string group;      ///< "string", "math", "date", "hash", "list", "conditional", "aggregate"
  std::string example;    ///< an expression and its result: "upper('a') = 'A'"
};

/// All scalar and aggregate functions, by group and name.
const std::vector<FunctionInfo>& AllFunctions();

}  // namespace millrace
