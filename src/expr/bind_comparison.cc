#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "columnar/arrow_status.h"
#include "expr/bind.h"
#include "expr/branch_nodes.h"
#include "expr/cast.h"
#include "expr/number_compare.h"
#include "expr/operator_kernels.h"

namespace millrace::expr_internal {
namespace {

Comparison ComparisonOf(std::string_view op) {
  if (op == "=") return Comparison::kEqual;
  if (op == "<>") return Comparison::kNotEqual;
  if (op == "<") return Comparison::kLess;
  if (op == "<=") return Comparison::kLessEqual;
  return op == ">" ? Comparison::kGreater : Comparison::kGreaterEqual;
}

/// All scalars as one array.
Result<std::shared_ptr<arrow::Array>> ArrayOf(const std::vector<std::shared_ptr<arrow::Scalar>>& scalars) {
  std::vector<std::shared_ptr<arrow::Array>> pieces;
  for (const auto& scalar : scalars) {
    MR_ASSIGN_ARROW(std::shared_ptr<arrow::Array> piece, arrow::MakeArrayFromScalar(*scalar, 1));
    pieces.push_back(std::move(piece));
  }
  MR_ASSIGN_ARROW(std::shared_ptr<arrow::Array> out, arrow::Concatenate(pieces));
  return out;
}

bool IsWide(const arrow::DataType& type) {
  return type.id() == arrow::Type::INT64 || type.id() == arrow::Type::UINT64;
}

/// True for an integer constant that is a double too.
bool IsExactDouble(const std::shared_ptr<arrow::Scalar>& constant) {
  if (constant == nullptr || constant->type->id() != arrow::Type::INT64) return false;
  if (!constant->is_valid) return true;
  const std::int64_t value = static_cast<const arrow::Int64Scalar&>(*constant).value;
  const auto rounded = static_cast<double>(value);
  return rounded < 0x1p63 && static_cast<std::int64_t>(rounded) == value;
}

enum class Rounding { kNone, kDown, kUp };

/// How a bound on the right of `op` is rounded when only whole numbers are compared with it: x < 2.5 is x
/// < 3.
Rounding RoundingOf(std::string_view op) {
  if (op == "<" || op == ">=") return Rounding::kUp;
  return op == "<=" || op == ">" ? Rounding::kDown : Rounding::kNone;
}

Rounding Opposite(Rounding rounding) {
  if (rounding == Rounding::kNone) return rounding;
  return rounding == Rounding::kUp ? Rounding::kDown : Rounding::kUp;
}

/// A double constant as a constant of the integer type; null when there is none of the same meaning.
BoundNodePtr AsInteger(const BoundNode& node, Rounding rounding, const arrow::DataType& type) {
  const auto constant = node.constant();
  if (constant == nullptr || constant->type->id() != arrow::Type::DOUBLE || !constant->is_valid)
    return nullptr;
  double value = static_cast<const arrow::DoubleScalar&>(*constant).value;
  if (rounding == Rounding::kDown) value = std::floor(value);
  if (rounding == Rounding::kUp) value = std::ceil(value);
  if (value != std::trunc(value)) return nullptr;  // NaN too
  if (type.id() == arrow::Type::INT64 && -0x1p63 <= value && value < 0x1p63) {
    return MakeConstantNode(arrow::MakeScalar(static_cast<std::int64_t>(value)));
  }
  if (type.id() == arrow::Type::UINT64 && 0 <= value && value < 0x1p64) {
    return MakeConstantNode(arrow::MakeScalar(static_cast<std::uint64_t>(value)));
  }
  return nullptr;
}

/// Turns double constants beside an integer column into integers where that changes no result: the kernels
/// for two columns of one type are the fastest.
void RoundConstants(std::string_view op, std::vector<BoundNodePtr>* nodes) {
  const auto round = [&](std::size_t constant, Rounding rounding, std::size_t column) {
    const BoundNodePtr& beside = (*nodes)[column];
    if (!IsWide(*beside->type())) return;
    if (BoundNodePtr rounded = AsInteger(*(*nodes)[constant], rounding, *beside->type())) {
      (*nodes)[constant] = std::move(rounded);
    }
  };
  if (op == "between") {
    round(1, RoundingOf(">="), 0);
    round(2, RoundingOf("<="), 0);
    return;
  }
  round(1, RoundingOf(op), 0);
  round(0, Opposite(RoundingOf(op)), 1);
}

/// Collects what a column of `type` is looked up in. False when an item has to be compared by itself.
bool AddItem(const BoundNode& node, const TypePtr& type, std::vector<std::shared_ptr<arrow::Scalar>>* items) {
  const auto constant = node.constant();
  if (constant == nullptr) return false;
  if (constant->type->Equals(*type)) {
    items->push_back(constant);
  } else if (!constant->is_valid) {
    items->push_back(arrow::MakeNullScalar(type));
  } else if (const BoundNodePtr whole = AsInteger(node, Rounding::kNone, *type)) {
    items->push_back(whole->constant());
  }
  return true;  // a number that the column's type does not have is equal to none of its values
}

/// The conditions joined by `or`, in their order. Half with half: a long list makes no deep tree.
BoundNodePtr AnyOf(std::vector<BoundNodePtr> conditions) {
  while (conditions.size() > 1) {
    std::size_t joined = 0;
    for (std::size_t i = 0; i < conditions.size(); i += 2, ++joined) {
      BoundNodePtr first = std::move(conditions[i]);
      const bool alone = i + 1 == conditions.size();
      conditions[joined] =
          alone ? std::move(first) : MakeLogicNode(false, std::move(first), std::move(conditions[i + 1]));
    }
    conditions.resize(joined);
  }
  return std::move(conditions.front());
}

}  // namespace

Result<bool> Binder::UnifyToCompare(const Expr& expr, Nodes* nodes) {
  bool any_float = false;
  bool any_wide = false;
  bool others = false;
  for (BoundNodePtr& node : *nodes) {
    MR_ASSIGN_OR_RETURN(node, MakePlain(std::move(node), false, expr.node().position));
    const arrow::DataType& type = *node->type();
    any_float = any_float || IsFloat(type);
    any_wide = any_wide || (IsWide(type) && !IsExactDouble(node->constant()));
    others = others || !(IsFloat(type) || IsInteger(type) || type.id() == arrow::Type::NA);
  }
  if (!any_float || !any_wide || others) {
    MR_RETURN_IF_ERROR(Unify(expr, Purpose::kCompare, "compare", nodes));
    return true;
  }
  // Doubles hold the narrower integers, but not every int64: these are compared as they are.
  for (BoundNodePtr& node : *nodes) {
    if (IsWide(*node->type()) && !IsExactDouble(node->constant())) continue;
    MR_ASSIGN_OR_RETURN(node, Convert(std::move(node), arrow::float64(), expr));
  }
  return false;
}

Result<BoundNodePtr> Binder::BindComparison(const Expr& expr, Nodes nodes) {
  const std::string& op = expr.node().name;
  MR_ASSIGN_OR_RETURN(const bool one_type, UnifyToCompare(expr, &nodes));
  if (!one_type) RoundConstants(op, &nodes);
  if (nodes[0]->type()->id() == arrow::Type::NA) {
    for (BoundNodePtr& node : nodes) {
      MR_ASSIGN_OR_RETURN(node, Convert(std::move(node), arrow::boolean(), expr));
    }
  }
  if (op == "between") return MakeNode(expr, Between, std::move(nodes));
  if (op == "is distinct from") return MakeNode(expr, IsDistinctFrom, std::move(nodes));
  return MakeNode(expr, NumberComparison(ComparisonOf(op)), std::move(nodes));
}

Result<BoundNodePtr> Binder::BindIn(const Expr& expr, Nodes nodes) {
  MR_RETURN_IF_ERROR(UnifyToCompare(expr, &nodes).status());
  std::vector<std::shared_ptr<arrow::Scalar>> items;
  bool all_constant = true;
  for (std::size_t i = 1; i < nodes.size(); ++i) {
    all_constant = AddItem(*nodes[i], nodes[0]->type(), &items) && all_constant;
  }
  if (all_constant && !items.empty() && nodes[0]->type()->id() != arrow::Type::NA) {
    MR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Array> values, ArrayOf(items));
    auto options = std::make_shared<arrow::compute::SetLookupOptions>(
        arrow::Datum(values), arrow::compute::SetLookupOptions::INCONCLUSIVE);
    return MakeNode(expr, ArrowKernel("is_in", std::move(options)), {std::move(nodes[0])});
  }
  Nodes equals;
  for (std::size_t i = 1; i < nodes.size(); ++i) {
    const Expr pair = MakeCall("=", {expr.node().children[0], expr.node().children[i]}, expr.node().position);
    MR_ASSIGN_OR_RETURN(BoundNodePtr one, BindComparison(pair, {nodes[0], nodes[i]}));
    equals.push_back(std::move(one));
  }
  return AnyOf(std::move(equals));
}

}  // namespace millrace::expr_internal
