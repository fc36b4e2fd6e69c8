#include <algorithm>
#include <utility>

#include "base/suggest.h"
#include "expr/expr.h"
#include "expr/function.h"
#include "expr/lexer.h"
#include "expr/node.h"
#include "expr/parser.h"

namespace millrace {

using expr_internal::ErrorAt;

Result<AggregateCall> ParseAggregateCall(std::string_view text) {
  MR_ASSIGN_OR_RETURN(expr_internal::Parser parser, expr_internal::Parser::Make(text));
  MR_ASSIGN_OR_RETURN(const Expr call, parser.ParseCallOnly());
  const expr_internal::Node& node = call.node();
  const std::string function = expr_internal::CanonicalAggregate(node.name);
  const auto& known = expr_internal::AggregateFunctionNames();
  if (std::find(known.begin(), known.end(), function) == known.end()) {
    return ErrorAt(node.position,
                   "unknown aggregate function '" + node.name + "'" + DidYouMean(node.name, known));
  }
  if (node.children.size() > 1) {
    const bool order = function == "min" || function == "max";
    return ErrorAt(node.position,
                   "'" + function + "' takes one argument" +
                       (order ? std::string("; ") + (function == "min" ? "least" : "greatest") +
                                    " compares the values of one row"
                              : ""));
  }
  if (node.children.empty() && function != "count") {
    return ErrorAt(node.position, "'" + function + "' needs an argument, as in " + function + "(price)");
  }
  return AggregateCall{function, node.children.empty() ? Expr() : node.children[0]};
}

}  // namespace millrace
