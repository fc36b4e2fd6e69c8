#include <algorithm>
#include <cstddef>
#include <utility>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "base/counted.h"
#include "base/suggest.h"
#include "expr/bind.h"
#include "expr/branch_nodes.h"
#include "expr/cast.h"
#include "expr/lexer.h"
#include "expr/operator_kernels.h"

namespace millrace::expr_internal {
namespace {

std::string_view Wanted(Param param) {
  switch (param) {
    case Param::kAny:
    case Param::kCommon:
      return "a value";
    case Param::kString:
      return "a string";
    case Param::kOptionString:
      return "a constant string";
    case Param::kOptionInt:
      return "a constant integer";
    case Param::kInt:
      return "an integer";
    case Param::kDouble:
    case Param::kNumber:
    case Param::kCommonNumber:
      return "a number";
    case Param::kBool:
      return "a bool";
    case Param::kTimestamp:
      return "a timestamp or date";
    case Param::kList:
      return "a list";
    case Param::kStringOrList:
      return "a string or list";
    case Param::kStringOrStrings:
      return "a string or list of strings";
  }
  return "a value";
}

bool IsOption(Param param) { return param == Param::kOptionString || param == Param::kOptionInt; }

/// The type to convert `type` to; null when the parameter does not take it.
TypePtr TargetOf(Param param, const TypePtr& type, bool is_constant) {
  const bool null = type->id() == arrow::Type::NA;
  switch (param) {
    case Param::kAny:
    case Param::kCommon:
    case Param::kCommonNumber:
      return type;
    case Param::kString:
    case Param::kOptionString:
      return IsString(*type) || null ? arrow::utf8() : nullptr;
    case Param::kOptionInt:
    case Param::kInt:
      return IsInteger(*type) || null ? arrow::int64() : nullptr;
    case Param::kDouble:
      return IsNumeric(*type) || null ? arrow::float64() : nullptr;
    case Param::kNumber:
      if (null) return arrow::int64();
      if (IsInteger(*type)) return type->id() == arrow::Type::UINT64 ? type : arrow::int64();
      return IsNumeric(*type) ? type : nullptr;
    case Param::kBool:
      return type->id() == arrow::Type::BOOL || null ? arrow::boolean() : nullptr;
    case Param::kTimestamp:
      if (type->id() == arrow::Type::TIMESTAMP) return type;
      return IsTemporal(*type) || null || (is_constant && IsString(*type))
                 ? arrow::timestamp(arrow::TimeUnit::MILLI)
                 : nullptr;
    case Param::kList:
      return IsList(*type) ? type : nullptr;
    case Param::kStringOrList:
      return null ? arrow::utf8() : IsList(*type) || IsString(*type) ? type : nullptr;
    case Param::kStringOrStrings:
      if (null || IsString(*type)) return arrow::utf8();
      return type->id() == arrow::Type::LIST && type->field(0)->type()->id() == arrow::Type::STRING ? type
                                                                                                    : nullptr;
  }
  return nullptr;
}

std::string Times(std::size_t count) { return Counted(count, "argument"); }

}  // namespace

Status Binder::UnknownFunction(const Node& node) const {
  const auto& aggregates = AggregateFunctionNames();
  const std::string aggregate = CanonicalAggregate(node.name);
  if (std::find(aggregates.begin(), aggregates.end(), aggregate) != aggregates.end()) {
    return ErrorAt(node.position,
                   "'" + node.name +
                       "' is an aggregate: it stands alone in the aggregate part of a window, not inside "
                       "an expression");
  }
  return ErrorAt(node.position,
                 "unknown function '" + node.name + "'" + DidYouMean(node.name, ScalarFunctionNames()));
}

Result<BoundNodePtr> Binder::BindFunction(const Expr& expr) {
  const Node& node = expr.node();
  const ScalarFunction* function = FindFunction(node.name);
  if (function == nullptr) return UnknownFunction(node);
  MR_RETURN_IF_ERROR(CheckArity(node, *function));
  MR_ASSIGN_OR_RETURN(Nodes nodes, BindAll(node.children));
  if (function->kernel == nullptr) return BindSpecial(expr, std::move(nodes));
  MR_RETURN_IF_ERROR(AdaptArguments(expr, *function, &nodes));
  FunctionCall call;
  call.kernel = function->kernel;
  call.can_fail = !function->error_class.empty();
  call.error_class = call.can_fail ? function->error_class : "expression";
  call.text = expr.ToString();
  call.position = node.position;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    call.is_option.push_back(IsOption(function->params[std::min(i, function->params.size() - 1)]));
  }
  call.arguments = std::move(nodes);
  return MakeFunctionNode(std::move(call));
}

Status Binder::CheckArity(const Node& node, const ScalarFunction& function) const {
  const std::size_t count = node.children.size();
  if (count >= function.required && (function.variadic || count <= function.params.size()))
    return Status::Ok();
  return ErrorAt(node.position,
                 "'" + node.name + "' does not take " + Times(count) + ": " + function.signature);
}

Status Binder::AdaptArguments(const Expr& expr, const ScalarFunction& function, Nodes* nodes) {
  std::vector<std::size_t> common;
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < nodes->size(); ++i) {
    const Param param = function.params[std::min(i, function.params.size() - 1)];
    MR_ASSIGN_OR_RETURN((*nodes)[i], Adapt(std::move((*nodes)[i]), param, expr, i));
    if (param == Param::kCommon) common.push_back(i);
    if (param == Param::kCommonNumber) numbers.push_back(i);
  }
  MR_RETURN_IF_ERROR(AdaptTogether(expr, Param::kCommon, common, nodes));
  return AdaptTogether(expr, Param::kCommonNumber, numbers, nodes);
}

Status Binder::AdaptTogether(const Expr& expr, Param param, const std::vector<std::size_t>& indices,
                             Nodes* nodes) {
  if (indices.empty()) return Status::Ok();
  Nodes some;
  for (const std::size_t index : indices) some.push_back((*nodes)[index]);
  const bool only_nulls = std::all_of(some.begin(), some.end(), [](const BoundNodePtr& node) {
    return node->type()->id() == arrow::Type::NA;
  });
  if (only_nulls) {
    MR_ASSIGN_OR_RETURN(some[0], Convert(some[0], arrow::int64(), expr));
  }
  MR_RETURN_IF_ERROR(param == Param::kCommon
                         ? Unify(expr, Purpose::kResult, "give one type to the arguments", &some)
                         : UnifyNumbers(expr, &some));
  for (std::size_t i = 0; i < indices.size(); ++i) (*nodes)[indices[i]] = some[i];
  return Status::Ok();
}

Result<BoundNodePtr> Binder::Adapt(BoundNodePtr node, Param param, const Expr& call, std::size_t index) {
  const Expr& argument = call.node().children[index];
  const int position = argument.node().position > 0 ? argument.node().position : call.node().position;
  if (param == Param::kAny) return node;
  MR_ASSIGN_OR_RETURN(node, MakePlain(std::move(node), param == Param::kTimestamp, position));
  const TypePtr target = TargetOf(param, node->type(), node->constant() != nullptr);
  const auto constant = node->constant();
  const bool no_option = IsOption(param) && (constant == nullptr || !constant->is_valid);
  if (target == nullptr || no_option) {
    return ErrorAt(position, "'" + call.node().name + "' needs " + std::string(Wanted(param)) +
                                 " as argument " + std::to_string(index + 1) + ", but '" +
                                 argument.ToString() + "' is " +
                                 (no_option && target != nullptr ? "not constant" : TypeName(*node->type())));
  }
  MR_ASSIGN_OR_RETURN(BoundNodePtr converted, Convert(node, target, argument));
  if (constant != nullptr && converted->constant() == nullptr) {
    return ErrorAt(position, "'" + call.node().name + "': cannot read '" + argument.ToString() + "' as " +
                                 TypeName(*target));
  }
  return converted;
}

Result<BoundNodePtr> Binder::BindStruct(const Expr& expr, Nodes nodes) {
  if (nodes.size() % 2 != 0) {
    return ErrorAt(expr.node().position, "'struct' needs a name before every value: struct('a', 1, 'b', 2)");
  }
  std::vector<std::string> names;
  Nodes values;
  for (std::size_t i = 0; i < nodes.size(); i += 2) {
    MR_ASSIGN_OR_RETURN(const BoundNodePtr name, Adapt(nodes[i], Param::kOptionString, expr, i));
    names.push_back(OptionText(name->constant()));
    if (std::count(names.begin(), names.end(), names.back()) > 1) {
      return ErrorAt(expr.node().children[i].node().position,
                     "'struct' has two fields '" + names.back() + "'");
    }
    values.push_back(nodes[i + 1]);
  }
  auto options = std::make_shared<arrow::compute::MakeStructOptions>(std::move(names));
  return MakeNode(expr, ArrowKernel("make_struct", std::move(options)), std::move(values));
}

Result<BoundNodePtr> Binder::BindSpecial(const Expr& expr, Nodes nodes) {
  const std::string& name = expr.node().name;
  if (name == "concat") return BindConcat(expr, std::move(nodes));
  if (name == "if") {
    MR_ASSIGN_OR_RETURN(BoundNodePtr test,
                        ToBool(std::move(nodes[0]), expr.node().children[0], "the condition of 'if'"));
    Nodes values = {nodes[1],
                    nodes.size() > 2 ? nodes[2] : MakeConstantNode(arrow::MakeNullScalar(arrow::null()))};
    MR_RETURN_IF_ERROR(Unify(expr, Purpose::kResult, "give one type to the branches", &values));
    return MakeCaseNode({{std::move(test), values[0]}}, values[1]);
  }
  if (name == "nullif") {
    MR_ASSIGN_OR_RETURN(BoundNodePtr same,
                        BindComparison(MakeCall("=", expr.node().children, expr.node().position), nodes));
    return MakeNode(expr, NullWhere, {std::move(same), nodes[0]});
  }
  if (name == "coalesce" || name == "ifnull") {
    MR_RETURN_IF_ERROR(Unify(expr, Purpose::kResult, "give one type to the arguments", &nodes));
    return MakeCoalesceNode(std::move(nodes));
  }
  if (name == "struct") return BindStruct(expr, std::move(nodes));
  return Status::Bug("the function '" + name + "' has no code");
}

}  // namespace millrace::expr_internal
