#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "expr/eval.h"
#include "expr/function.h"
#include "expr/function_node.h"
#include "expr/node.h"
#include "expr/types.h"

namespace millrace::expr_internal {

/// Turns a tree as written into one that is checked against a schema. Used for one expression.
class Binder {
 public:
  explicit Binder(const arrow::Schema& schema) : schema_(schema) {}

  /// Errors: user error that says what is wrong and where.
  Result<BoundNodePtr> Bind(const Expr& expr);

 private:
  using Nodes = std::vector<BoundNodePtr>;

  // bind.cc
  Result<BoundNodePtr> BindColumn(const Node& node);
  Result<BoundNodePtr> BindField(const Expr& expr);
  Result<BoundNodePtr> BindCast(const Expr& expr);
  Result<BoundNodePtr> BindCase(const Expr& expr);
  Result<BoundNodePtr> BindCall(const Expr& expr);
  Result<Nodes> BindAll(const std::vector<Expr>& exprs);

  // bind_operator.cc; nullptr when the name is not an operator
  Result<BoundNodePtr> BindOperator(const Expr& expr);
  Result<BoundNodePtr> BindLogic(const Expr& expr, Nodes nodes);
  Result<BoundNodePtr> BindArithmetic(const Expr& expr, Nodes nodes);
  Result<BoundNodePtr> BindNegate(const Expr& expr, Nodes nodes);
  Result<BoundNodePtr> BindDifference(const Expr& expr, Nodes nodes);
  Result<BoundNodePtr> BindConcat(const Expr& expr, Nodes nodes);
  Result<BoundNodePtr> BindLike(const Expr& expr, Nodes nodes);
  Result<BoundNodePtr> BindNullTest(const Expr& expr, Nodes nodes);

  // bind_comparison.cc
  Result<BoundNodePtr> BindComparison(const Expr& expr, Nodes nodes);
  Result<BoundNodePtr> BindIn(const Expr& expr, Nodes nodes);
  /// Unify; but int64 and uint64 beside doubles stay what they are, for CompareNumbers. False when the types
  /// may still differ.
  Result<bool> UnifyToCompare(const Expr& expr, Nodes* nodes);

  // bind_function.cc
  Result<BoundNodePtr> BindFunction(const Expr& expr);
  Result<BoundNodePtr> BindSpecial(const Expr& expr, Nodes nodes);
  Result<BoundNodePtr> BindStruct(const Expr& expr, Nodes nodes);
  Status CheckArity(const Node& node, const ScalarFunction& function) const;
  Status AdaptArguments(const Expr& expr, const ScalarFunction& function, Nodes* nodes);
  Result<BoundNodePtr> Adapt(BoundNodePtr node, Param param, const Expr& call, std::size_t index);
  Status AdaptTogether(const Expr& expr, Param param, const std::vector<std::size_t>& indices, Nodes* nodes);
  Status UnknownFunction(const Node& node) const;

  // bind_unify.cc
  /// Gives all nodes one type. `what` begins the message of a failure: "compare", "combine".
  Status Unify(const Expr& expr, Purpose purpose, std::string_view what, Nodes* nodes);
  Status UnifyNumbers(const Expr& expr, Nodes* nodes);
  /// `error_class` is that of a row that the conversion cannot represent.
  Result<BoundNodePtr> Convert(BoundNodePtr node, const TypePtr& type, const Expr& expr,
                               std::string_view error_class = "overflow");
  /// The expression for a message, cut off when it is long. Remembered: each item of a long list asks for it.
  const std::string& TextOf(const Expr& expr);
  Result<BoundNodePtr> ToBool(BoundNodePtr node, const Expr& expr, std::string_view what);

  Result<BoundNodePtr> MakeNode(const Expr& expr, Kernel kernel, Nodes nodes,
                                std::string_view error_class = "");

  const arrow::Schema& schema_;
  Expr text_of_;  // whose text `text_` is
  std::string text_;
};

}  // namespace millrace::expr_internal
