#include "expr/node.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <set>
#include <utility>

namespace millrace::expr_internal {
namespace {

bool SameLiteral(const Literal& left, const Literal& right) {
  if (left.index() != right.index()) return false;
  if (const double* number = std::get_if<double>(&left)) {
    return std::bit_cast<std::uint64_t>(*number) == std::bit_cast<std::uint64_t>(std::get<double>(right));
  }
  return left == right;
}

void CollectColumns(const Expr& expr, std::set<std::string>* out) {
  if (expr.node().kind == NodeKind::kColumn) out->insert(expr.node().name);
  for (const Expr& child : expr.node().children) CollectColumns(child, out);
}

}  // namespace

Expr MakeExpr(Node node) {
  node.depth = 1;
  for (const Expr& child : node.children) node.depth = std::max(node.depth, child.node().depth + 1);
  return Expr(std::make_shared<const Node>(std::move(node)));
}

Expr MakeLiteral(Literal value, int position) {
  Node node;
  node.literal = std::move(value);
  node.position = position;
  return MakeExpr(std::move(node));
}

Expr MakeColumn(std::string name, int position) {
  Node node;
  node.kind = NodeKind::kColumn;
  node.name = std::move(name);
  node.position = position;
  return MakeExpr(std::move(node));
}

Expr MakeField(Expr base, std::string name, int position) {
  Node node;
  node.kind = NodeKind::kField;
  node.name = std::move(name);
  node.children.push_back(std::move(base));
  node.position = position;
  return MakeExpr(std::move(node));
}

Expr MakeCall(std::string_view name, std::vector<Expr> arguments, int position) {
  Node node;
  node.kind = NodeKind::kCall;
  node.name = Lower(name);
  node.children = std::move(arguments);
  node.position = position;
  return MakeExpr(std::move(node));
}

Expr MakeCast(Expr operand, std::string type_text, bool is_try, int position) {
  Node node;
  node.kind = NodeKind::kCast;
  node.name = std::move(type_text);
  node.children.push_back(std::move(operand));
  node.is_try = is_try;
  node.position = position;
  return MakeExpr(std::move(node));
}

Expr MakeNegative(Expr operand, int position) {
  const Node& node = operand.node();
  if (node.kind == NodeKind::kLiteral) {
    if (const auto* integer = std::get_if<std::int64_t>(&node.literal)) {
      if (*integer != std::numeric_limits<std::int64_t>::min()) return MakeLiteral(-*integer, position);
    } else if (const auto* number = std::get_if<double>(&node.literal)) {
      return MakeLiteral(-*number, position);
    }
  }
  return MakeCall("-", {std::move(operand)}, position);
}

bool Equal(const Expr& left, const Expr& right) {
  if (left.empty() || right.empty()) return left.empty() == right.empty();
  const Node& a = left.node();
  const Node& b = right.node();
  if (a.kind != b.kind || a.name != b.name || a.has_operand != b.has_operand || a.has_else != b.has_else ||
      a.is_try != b.is_try || !SameLiteral(a.literal, b.literal)) {
    return false;
  }
  return std::equal(a.children.begin(), a.children.end(), b.children.begin(), b.children.end(), Equal);
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string QuoteString(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    out += c;
    if (c == '\'') out += c;
  }
  return out + "'";
}

}  // namespace millrace::expr_internal

namespace millrace {

std::vector<std::string> Expr::Columns() const {
  if (empty()) return {};
  std::set<std::string> names;
  expr_internal::CollectColumns(*this, &names);
  return {names.begin(), names.end()};
}

std::string Expr::AsColumn() const {
  if (empty() || node().kind != expr_internal::NodeKind::kColumn) return "";
  return node().name;
}

}  // namespace millrace
