#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "expr/expr.h"

namespace millrace::expr_internal {

/// How deep a tree may be: parsing, binding and evaluation recurse once per level.
inline constexpr int kMaxDepth = 200;

enum class NodeKind {
  kLiteral,
  kColumn,  ///< `name`
  kField,   ///< children[0] . name
  kCall,    ///< name(children...): functions and operators ("+", "and", "like", "in", "is null", unary "-")
  kCase,    ///< [operand] (when, then)+ [else]
  kCast,    ///< children[0] as the type text `name`
};

/// monostate is null.
using Literal = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

/// One node of an expression as written. Immutable once it is inside an Expr.
struct Node {
  NodeKind kind = NodeKind::kLiteral;
  Literal literal;
  std::string name;
  std::vector<Expr> children;
  bool has_operand = false;  ///< kCase: children[0] is compared with each `when`
  bool has_else = false;     ///< kCase: the last child is the else branch
  bool is_try = false;       ///< kCast: null instead of an error
  int position = 0;          ///< 1-based character in the text; 0 when built, not parsed
  int depth = 1;             ///< set by MakeExpr
};

Expr MakeExpr(Node node);

Expr MakeLiteral(Literal value, int position = 0);
Expr MakeColumn(std::string name, int position = 0);
Expr MakeField(Expr base, std::string name, int position = 0);
/// `name` is lower-cased.
Expr MakeCall(std::string_view name, std::vector<Expr> arguments, int position = 0);
Expr MakeCast(Expr operand, std::string type_text, bool is_try, int position = 0);
/// -operand; the negative literal when the operand is a numeric literal whose negative fits.
Expr MakeNegative(Expr operand, int position = 0);

/// Same tree, whatever the positions. Doubles are equal when their bits are.
bool Equal(const Expr& left, const Expr& right);

/// ASCII lower case.
std::string Lower(std::string_view text);

/// "'text'" with quotes doubled.
std::string QuoteString(std::string_view text);

}  // namespace millrace::expr_internal
