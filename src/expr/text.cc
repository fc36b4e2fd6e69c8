#include <array>
#include <charconv>
#include <cstddef>

#include "expr/node.h"
#include "expr/parser.h"
#include "expr/precedence.h"

namespace millrace::expr_internal {
namespace {

/// Power of a binary operator written between its operands, or 0.
int BinaryPower(std::string_view name) {
  if (name == "or") return kOr;
  if (name == "and") return kAnd;
  for (const std::string_view op : {"=", "<>", "<", "<=", ">", ">=", "like", "ilike", "is distinct from"}) {
    if (name == op) return kCompare;
  }
  if (name == "+" || name == "-" || name == "||") return kAdd;
  if (name == "*" || name == "/" || name == "%") return kMultiply;
  return 0;
}

bool IsTest(const Node& node) {
  return node.children.size() == 1 && (node.name == "is null" || node.name == "is not null");
}

int PowerOf(const Node& node) {
  if (node.kind == NodeKind::kLiteral) {
    // Numbers take a sign and a point, so that -5 and 5.a would read differently.
    const bool number =
        std::holds_alternative<std::int64_t>(node.literal) || std::holds_alternative<double>(node.literal);
    return number ? kNegate : kAtom;
  }
  if (node.kind == NodeKind::kField) return kPostfix;
  if (node.kind != NodeKind::kCall) return kAtom;
  const std::size_t arity = node.children.size();
  if (arity == 2 && BinaryPower(node.name) > 0) return BinaryPower(node.name);
  if (arity == 1 && node.name == "not") return kNot;
  if (arity == 1 && node.name == "-") return kNegate;
  if (IsTest(node) || (node.name == "in" && arity > 1) || (node.name == "between" && arity == 3))
    return kCompare;
  return kAtom;
}

std::string NameText(const std::string& name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  bool bare = !name.empty() && plain(name[0]) && !IsKeyword(name);
  for (const char c : name) bare = bare && (plain(c) || (c >= '0' && c <= '9'));
  if (bare) return name;
  std::string out = "\"";
  for (const char c : name) {
    out += c;
    if (c == '"') out += c;
  }
  return out + '"';
}

std::string LiteralText(const Literal& literal) {
  if (std::holds_alternative<std::monostate>(literal)) return "null";
  if (const auto* truth = std::get_if<bool>(&literal)) return *truth ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(&literal)) return std::to_string(*integer);
  if (const auto* text = std::get_if<std::string>(&literal)) return QuoteString(*text);
  std::array<char, 64> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::get<double>(literal)).ptr;
  std::string out(buffer.data(), end);
  return out.find_first_of(".e") == std::string::npos ? out + ".0" : out;
}

class Writer {
 public:
  void Write(const Expr& expr) {
    const Node& node = expr.node();
    switch (node.kind) {
      case NodeKind::kLiteral:
        text_ += LiteralText(node.literal);
        return;
      case NodeKind::kColumn:
        text_ += NameText(node.name);
        return;
      case NodeKind::kField:
        WriteOperand(node.children[0], kPostfix);
        text_ += "." + NameText(node.name);
        return;
      case NodeKind::kCast:
        text_ += node.is_try ? "try_cast(" : "cast(";
        Write(node.children[0]);
        text_ += " as " + node.name + ")";
        return;
      case NodeKind::kCase:
        WriteCase(node);
        return;
      case NodeKind::kCall:
        WriteCall(node);
        return;
    }
  }

  std::string Take() { return std::move(text_); }

 private:
  /// In brackets when it binds looser than `power`.
  void WriteOperand(const Expr& expr, int power) {
    const bool brackets = PowerOf(expr.node()) < power;
    if (brackets) text_ += "(";
    Write(expr);
    if (brackets) text_ += ")";
  }

  void WriteList(const Node& node, std::size_t first) {
    text_ += "(";
    for (std::size_t i = first; i < node.children.size(); ++i) {
      if (i > first) text_ += ", ";
      Write(node.children[i]);
    }
    text_ += ")";
  }

  void WriteCase(const Node& node) {
    std::size_t next = 0;
    text_ += "case";
    if (node.has_operand) {
      text_ += " ";
      Write(node.children[next++]);
    }
    const std::size_t last = node.children.size() - (node.has_else ? 1 : 0);
    for (; next + 1 < last; next += 2) {
      text_ += " when ";
      Write(node.children[next]);
      text_ += " then ";
      Write(node.children[next + 1]);
    }
    if (node.has_else) {
      text_ += " else ";
      Write(node.children.back());
    }
    text_ += " end";
  }

  void WriteCall(const Node& node) {
    const int power = PowerOf(node);
    if (power == kAtom) {
      text_ += node.name;
      WriteList(node, 0);
    } else if (node.name == "in") {
      WriteOperand(node.children[0], kCompare + 1);
      text_ += " in ";
      WriteList(node, 1);
    } else if (node.name == "between") {
      WriteOperand(node.children[0], kCompare + 1);
      text_ += " between ";
      WriteOperand(node.children[1], kCompare + 1);
      text_ += " and ";
      WriteOperand(node.children[2], kCompare + 1);
    } else if (IsTest(node)) {
      WriteOperand(node.children[0], kCompare + 1);
      text_ += " " + node.name;
    } else if (node.children.size() == 1) {
      text_ += node.name == "not" ? "not " : "-";
      WriteOperand(node.children[0], node.name == "not" ? kNot : kNegate + 1);
    } else {
      WriteOperand(node.children[0], power == kCompare ? power + 1 : power);
      text_ += " " + node.name + " ";
      WriteOperand(node.children[1], power + 1);
    }
  }

  std::string text_;
};

}  // namespace
}  // namespace millrace::expr_internal

namespace millrace {

std::string Expr::ToString() const {
  if (empty()) return "";
  expr_internal::Writer writer;
  writer.Write(*this);
  return writer.Take();
}

}  // namespace millrace
