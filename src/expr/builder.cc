#include "expr/builder.h"

#include <cmath>
#include <utility>

#include "columnar/schema_text.h"
#include "expr/node.h"

namespace millrace {

using expr_internal::MakeCall;
using expr_internal::MakeLiteral;

Expr Col(std::string_view name) { return expr_internal::MakeColumn(std::string(name)); }

Expr Lit(std::int64_t value) { return MakeLiteral(value); }

Expr Lit(double value) {
  // Literals are finite, so that every tree has a text.
  if (std::isnan(value)) return MakeCall("nan", {});
  if (std::isinf(value))
    return value > 0 ? MakeCall("infinity", {}) : MakeCall("-", {MakeCall("infinity", {})});
  return MakeLiteral(value);
}

Expr Lit(bool value) { return MakeLiteral(value); }

Expr Lit(std::string_view value) { return MakeLiteral(std::string(value)); }

Expr NullLit() { return MakeLiteral(std::monostate{}); }

Expr Field(Expr base, std::string_view name) {
  return expr_internal::MakeField(std::move(base), std::string(name));
}

Expr Call(std::string_view function, std::vector<Expr> arguments) {
  if (function == "-" && arguments.size() == 1) return expr_internal::MakeNegative(std::move(arguments[0]));
  return MakeCall(function, std::move(arguments));
}

Expr Binary(std::string_view op, Expr left, Expr right) {
  const std::string_view name = op == "==" ? "=" : op == "!=" ? "<>" : op;
  return MakeCall(name, {std::move(left), std::move(right)});
}

Expr Unary(std::string_view op, Expr operand) {
  if (op == "-") return expr_internal::MakeNegative(std::move(operand));
  return MakeCall(op, {std::move(operand)});
}

Expr CastTo(Expr operand, std::string_view type_text) {
  // A wrong type is reported by Bind; a right one is kept in its one canonical spelling.
  const auto type = ParseType(type_text);
  return expr_internal::MakeCast(std::move(operand), type.ok() ? TypeText(**type) : std::string(type_text),
                                 false);
}

}  // namespace millrace
