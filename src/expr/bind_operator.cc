#include <algorithm>
#include <cstddef>
#include <utility>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "columnar/arrow_status.h"
#include "expr/bind.h"
#include "expr/branch_nodes.h"
#include "expr/cast.h"
#include "expr/lexer.h"
#include "expr/operator_kernels.h"

namespace millrace::expr_internal {
namespace {

bool IsOneOf(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string ArithmeticKernel(std::string_view op) {
  if (op == "+") return "add";
  if (op == "-") return "subtract";
  return op == "*" ? "multiply" : "divide";
}

/// How many operands an operator takes: {least, most}; {0, 0} when the name is none.
std::pair<std::size_t, std::size_t> ArityOf(std::string_view op) {
  if (IsOneOf(op, {"not", "is null", "is not null"})) return {1, 1};
  if (op == "-") return {1, 2};
  if (IsOneOf(op, {"and", "or", "=", "<>", "<", "<=", ">", ">=", "+", "*", "/", "%", "like", "ilike",
                   "is distinct from"})) {
    return {2, 2};
  }
  if (op == "||") return {2, 64};
  if (op == "between") return {3, 3};
  if (op == "in") return {2, 1'000'000};
  return {0, 0};
}

}  // namespace

Result<BoundNodePtr> Binder::BindOperator(const Expr& expr) {
  const Node& node = expr.node();
  const auto [least, most] = ArityOf(node.name);
  if (most == 0) return BoundNodePtr();
  if (node.children.size() < least || node.children.size() > most) {
    return ErrorAt(node.position, "the operator '" + node.name + "' does not take " +
                                      std::to_string(node.children.size()) + " operands");
  }
  MR_ASSIGN_OR_RETURN(Nodes nodes, BindAll(node.children));
  if (IsOneOf(node.name, {"and", "or", "not"})) return BindLogic(expr, std::move(nodes));
  if (IsOneOf(node.name, {"is null", "is not null"})) return BindNullTest(expr, std::move(nodes));
  if (node.name == "||") return BindConcat(expr, std::move(nodes));
  if (IsOneOf(node.name, {"like", "ilike"})) return BindLike(expr, std::move(nodes));
  if (node.name == "in") return BindIn(expr, std::move(nodes));
  if (IsOneOf(node.name, {"+", "-", "*", "/", "%"})) {
    if (nodes.size() == 1) return BindNegate(expr, std::move(nodes));
    const bool times = IsTemporal(*Plain(nodes[0]->type())) || IsTemporal(*Plain(nodes[1]->type()));
    return times ? BindDifference(expr, std::move(nodes)) : BindArithmetic(expr, std::move(nodes));
  }
  return BindComparison(expr, std::move(nodes));
}

Result<BoundNodePtr> Binder::BindLogic(const Expr& expr, Nodes nodes) {
  const std::string& op = expr.node().name;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    MR_ASSIGN_OR_RETURN(nodes[i],
                        ToBool(std::move(nodes[i]), expr.node().children[i], "the operand of '" + op + "'"));
  }
  if (op == "not") return MakeNode(expr, ArrowKernel("invert"), std::move(nodes));
  return MakeLogicNode(op == "and", std::move(nodes[0]), std::move(nodes[1]));
}

Result<BoundNodePtr> Binder::BindArithmetic(const Expr& expr, Nodes nodes) {
  MR_RETURN_IF_ERROR(UnifyNumbers(expr, &nodes));
  const std::string& op = expr.node().name;
  const bool floats = IsFloat(*nodes[0]->type());
  if (op == "%") {
    const std::string_view error_class = floats ? "" : "divide_by_zero";
    return MakeNode(expr, Modulo, std::move(nodes), error_class);
  }
  if (floats) return MakeNode(expr, ArrowKernel(ArithmeticKernel(op)), std::move(nodes));
  if (IsDecimal(*nodes[0]->type())) {
    const auto& left = static_cast<const arrow::DecimalType&>(*nodes[0]->type());
    const auto& right = static_cast<const arrow::DecimalType&>(*nodes[1]->type());
    // A sum or product that does not fit 38 digits for sure is computed with up to 76.
    if (left.precision() + right.precision() + std::max(left.scale(), right.scale()) + 1 >
        arrow::Decimal128Type::kMaxPrecision) {
      const TypePtr wide_left = arrow::decimal256(left.precision(), left.scale());
      const TypePtr wide_right = arrow::decimal256(right.precision(), right.scale());
      MR_ASSIGN_OR_RETURN(nodes[0], Convert(std::move(nodes[0]), wide_left, expr));
      MR_ASSIGN_OR_RETURN(nodes[1], Convert(std::move(nodes[1]), wide_right, expr));
    }
  }
  return MakeNode(expr, ArrowKernel(ArithmeticKernel(op) + "_checked"), std::move(nodes), "overflow");
}

Result<BoundNodePtr> Binder::BindNegate(const Expr& expr, Nodes nodes) {
  MR_RETURN_IF_ERROR(UnifyNumbers(expr, &nodes));
  if (IsFloat(*nodes[0]->type())) return MakeNode(expr, ArrowKernel("negate"), std::move(nodes));
  if (nodes[0]->type()->id() == arrow::Type::UINT64) {
    MR_ASSIGN_OR_RETURN(nodes[0], Convert(std::move(nodes[0]), arrow::int64(), expr));
  }
  return MakeNode(expr, ArrowKernel("negate_checked"), std::move(nodes), "overflow");
}

Result<BoundNodePtr> Binder::BindDifference(const Expr& expr, Nodes nodes) {
  for (BoundNodePtr& node : nodes) {
    MR_ASSIGN_OR_RETURN(node, MakePlain(std::move(node), false, expr.node().position));
  }
  const bool two_times = IsTemporal(*nodes[0]->type()) && IsTemporal(*nodes[1]->type());
  if (expr.node().name != "-" || !two_times) {
    return ErrorAt(expr.node().position,
                   "cannot compute '" + expr.ToString() + "' of " + TypeName(*nodes[0]->type()) + " and " +
                       TypeName(*nodes[1]->type()) + "; date_add('second', n, t) moves a time");
  }
  MR_RETURN_IF_ERROR(Unify(expr, Purpose::kResult, "subtract", &nodes));
  const bool dates = nodes[0]->type()->id() == arrow::Type::DATE32;
  return MakeNode(expr, dates ? DaysBetween : MillisecondsBetween, std::move(nodes), "overflow");
}

Result<BoundNodePtr> Binder::BindConcat(const Expr& expr, Nodes nodes) {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    MR_ASSIGN_OR_RETURN(nodes[i], MakePlain(std::move(nodes[i]), false, expr.node().position));
    const arrow::DataType& type = *nodes[i]->type();
    const bool joinable = IsString(type) || IsNumeric(type) || IsTemporal(type) ||
                          type.id() == arrow::Type::BOOL || type.id() == arrow::Type::NA;
    if (!joinable) {
      return ErrorAt(expr.node().children[i].node().position, "'" + expr.node().children[i].ToString() +
                                                                  "' is " + TypeName(type) +
                                                                  ", which does not join to strings");
    }
    MR_ASSIGN_OR_RETURN(nodes[i], Convert(std::move(nodes[i]), arrow::utf8(), expr));
  }
  nodes.push_back(MakeConstantNode(arrow::MakeScalar("")));
  const bool skip_nulls = expr.node().name == "concat";
  auto options = std::make_shared<arrow::compute::JoinOptions>(
      skip_nulls ? arrow::compute::JoinOptions::SKIP : arrow::compute::JoinOptions::EMIT_NULL);
  return MakeNode(expr, ArrowKernel("binary_join_element_wise", std::move(options)), std::move(nodes));
}

Result<BoundNodePtr> Binder::BindLike(const Expr& expr, Nodes nodes) {
  MR_ASSIGN_OR_RETURN(BoundNodePtr text, Adapt(std::move(nodes[0]), Param::kString, expr, 0));
  MR_ASSIGN_OR_RETURN(const BoundNodePtr pattern, Adapt(std::move(nodes[1]), Param::kOptionString, expr, 1));
  auto options = std::make_shared<arrow::compute::MatchSubstringOptions>(OptionText(pattern->constant()),
                                                                         expr.node().name == "ilike");
  return MakeNode(expr, ArrowKernel("match_like", std::move(options)), {std::move(text)});
}

Result<BoundNodePtr> Binder::BindNullTest(const Expr& expr, Nodes nodes) {
  const bool want_null = expr.node().name == "is null";
  return MakeNode(expr, ArrowKernel(want_null ? "is_null" : "is_valid"), std::move(nodes));
}

}  // namespace millrace::expr_internal
