#include <algorithm>
#include <cmath>
#include <utility>

#include "base/suggest.h"
#include "expr/builder.h"
#include "expr/expr.h"
#include "expr/function.h"
#include "expr/lexer.h"
#include "expr/node.h"
#include "expr/parser.h"

namespace millrace {

using expr_internal::ErrorAt;
using expr_internal::Node;

namespace {

/// What may stand between the brackets beside the value.
struct Parameter {
  std::string_view function;
  bool required;
  bool integer;
  double least;
  double most;
  std::string_view example;
};

constexpr Parameter kParameters[] = {
    {"collect", false, true, 1, 10'000, "collect(x, 100)"},
    {"quantile", true, false, 0, 1, "quantile(x, 0.99)"},
    {"top_k", true, true, 1, 10'000, "top_k(x, 3)"},
};

const Parameter* ParameterOf(std::string_view function) {
  const auto* found = std::find_if(std::begin(kParameters), std::end(kParameters),
                                   [&](const Parameter& p) { return p.function == function; });
  return found == std::end(kParameters) ? nullptr : found;
}

std::optional<double> NumberOf(const Node& node) {
  if (node.kind != expr_internal::NodeKind::kLiteral) return std::nullopt;
  if (const auto* integer = std::get_if<std::int64_t>(&node.literal)) return static_cast<double>(*integer);
  if (const auto* number = std::get_if<double>(&node.literal)) return *number;
  return std::nullopt;
}

Status ReadParameter(const Node& call, const Parameter& parameter, AggregateCall* out) {
  if (call.children.size() < 2) {
    if (!parameter.required) return Status::Ok();
    return ErrorAt(call.position, "'" + out->function + "' needs a second argument, as in " +
                                      std::string(parameter.example));
  }
  const Node& node = call.children[1].node();
  const std::optional<double> number = NumberOf(node);
  const bool fits = number && *number >= parameter.least && *number <= parameter.most &&
                    (!parameter.integer || *number == std::floor(*number));
  if (!fits) {
    const std::string range = parameter.integer ? "an integer from 1 to 10000" : "a number from 0 to 1";
    return ErrorAt(node.position > 0 ? node.position : call.position,
                   "the second argument of '" + out->function + "' must be " + range + ", as in " +
                       std::string(parameter.example));
  }
  out->parameter = number;
  return Status::Ok();
}

Status CheckOneArgument(const Node& call, const std::string& function) {
  if (call.children.size() < 2) return Status::Ok();
  const bool order = function == "min" || function == "max";
  return ErrorAt(call.position, "'" + function + "' takes one argument" +
                                    (order ? std::string("; ") + (function == "min" ? "least" : "greatest") +
                                                 " compares the values of one row"
                                           : ""));
}

Status ReadArguments(const Node& call, AggregateCall* out) {
  const std::string& function = out->function;
  if (call.children.empty()) {
    if (function == "count") return Status::Ok();
    return ErrorAt(call.position, "'" + function + "' needs an argument, as in " + function + "(price)");
  }
  out->argument = call.children[0];
  if (function == "argmin" || function == "argmax") {
    if (call.children.size() == 2) {
      out->order = call.children[1];
      return Status::Ok();
    }
    return ErrorAt(call.position, "'" + function +
                                      "' takes two arguments: the value, and what is compared, as in " +
                                      function + "(user, score)");
  }
  const Parameter* const parameter = ParameterOf(function);
  if (parameter == nullptr) return CheckOneArgument(call, function);
  if (call.children.size() > 2) {
    return ErrorAt(call.position,
                   "'" + function + "' takes two arguments, as in " + std::string(parameter->example));
  }
  return ReadParameter(call, *parameter, out);
}

}  // namespace

Result<AggregateCall> ParseAggregateCall(std::string_view text) {
  MR_ASSIGN_OR_RETURN(expr_internal::Parser parser, expr_internal::Parser::Make(text));
  AggregateCall out;
  MR_ASSIGN_OR_RETURN(const Expr call, parser.ParseCallOnly(&out.where));
  const Node& node = call.node();
  out.function = expr_internal::CanonicalAggregate(node.name);
  const auto& known = expr_internal::AggregateFunctionNames();
  if (std::find(known.begin(), known.end(), out.function) == known.end()) {
    return ErrorAt(node.position,
                   "unknown aggregate function '" + node.name + "'" + DidYouMean(node.name, known));
  }
  MR_RETURN_IF_ERROR(ReadArguments(node, &out));
  return out;
}

std::string AggregateCall::ToString() const {
  std::string text = function + "(";
  if (!argument.empty()) text += argument.ToString();
  if (!order.empty()) text += ", " + order.ToString();
  if (parameter) {
    const Parameter* const known = ParameterOf(function);
    const bool integer = known != nullptr && known->integer;
    text += ", " + (integer ? Lit(static_cast<std::int64_t>(*parameter)) : Lit(*parameter)).ToString();
  }
  text += ")";
  return where.empty() ? text : text + " where " + where.ToString();
}

Expr AggregateCall::Filtered() const {
  if (where.empty()) return argument;
  Node node;
  node.kind = expr_internal::NodeKind::kCase;
  node.children = {where, argument.empty() ? Lit(true) : argument};
  return expr_internal::MakeExpr(std::move(node));
}

}  // namespace millrace
