#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "expr/expr.h"

namespace millrace {

/// The builder side of expressions: `Col("price") * 1.2 > Lit(50)`. Makes the same trees as ParseExpr.
Expr Col(std::string_view name);  ///< a top-level column; no dots are interpreted
Expr Lit(std::int64_t value);
Expr Lit(double value);
Expr Lit(bool value);
Expr Lit(std::string_view value);
inline Expr Lit(const char* value) { return Lit(std::string_view(value)); }  // not a bool
Expr NullLit();
Expr Field(Expr base, std::string_view name);  ///< struct field
Expr Call(std::string_view function, std::vector<Expr> arguments);
/// Operators by their text: "+ - * / % = <> < <= > >= and or" and unary "not", "-", "is null", "is not null".
Expr Binary(std::string_view op, Expr left, Expr right);
Expr Unary(std::string_view op, Expr operand);
Expr CastTo(Expr operand, std::string_view type_text);

}  // namespace millrace
