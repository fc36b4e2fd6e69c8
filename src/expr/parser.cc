#include "expr/parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <span>
#include <utility>

#include "columnar/schema_text.h"
#include "expr/node.h"
#include "expr/precedence.h"
#include "expr/time_text.h"

namespace millrace::expr_internal {
namespace {

/// Words that cannot start a value.
constexpr std::array<std::string_view, 12> kReserved = {"and", "between", "case", "else", "ilike", "in",
                                                        "is",  "like",    "not",  "or",   "then",  "when"};

/// Brackets around a value take a level of parsing of their own.
constexpr int kMaxNesting = 2 * kMaxDepth + 2;

bool IsReserved(std::string_view lower_case) {
  return std::find(kReserved.begin(), kReserved.end(), lower_case) != kReserved.end();
}

// Generated filters have thousands of operands. Up to here the tree is what people would draw.
constexpr std::size_t kLongestPlainChain = kMaxDepth / 2;

/// `and` and `or` are associative, so a chain of them need not be as deep as it is long.
Expr Balanced(std::span<const Expr> operands, std::span<const Token> operators) {
  if (operands.size() == 1) return operands.front();
  const std::size_t half = operands.size() / 2;
  const Token& middle = operators[half - 1];
  return MakeCall(middle.text,
                  {Balanced(operands.first(half), operators.first(half - 1)),
                   Balanced(operands.subspan(half), operators.subspan(half))},
                  middle.position);
}

}  // namespace

bool IsKeyword(std::string_view name) {
  const std::string word = Lower(name);
  return IsReserved(word) || word == "true" || word == "false" || word == "null";
}

Result<Parser> Parser::Make(std::string_view text) {
  MR_ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(text));
  return Parser(text, std::move(tokens));
}

const Token& Parser::Peek(std::size_t ahead) const {
  return tokens_[std::min(next_ + ahead, tokens_.size() - 1)];
}

bool Parser::IsSymbol(std::string_view symbol, std::size_t ahead) const {
  const Token& token = Peek(ahead);
  return token.kind == TokenKind::kSymbol && token.text == symbol;
}

bool Parser::IsWord(std::string_view lower_case, std::size_t ahead) const {
  const Token& token = Peek(ahead);
  return token.kind == TokenKind::kName && token.text.size() == lower_case.size() &&
         Lower(token.text) == lower_case;
}

bool Parser::TakeSymbol(std::string_view symbol) {
  if (!IsSymbol(symbol)) return false;
  Skip();
  return true;
}

bool Parser::TakeWord(std::string_view lower_case) {
  if (!IsWord(lower_case)) return false;
  Skip();
  return true;
}

Status Parser::Unexpected(std::string_view wanted) const {
  return ErrorAt(Peek().position, "expected " + std::string(wanted) + " but found " + Peek().Describe());
}

bool Parser::StartsValue(std::size_t ahead) const {
  const Token& token = Peek(ahead);
  if (token.kind == TokenKind::kEnd) return false;
  if (token.kind == TokenKind::kSymbol)
    return token.text == "-" || token.text == "+" || token.text == "(" || token.text == "[";
  if (token.kind != TokenKind::kName) return true;
  const std::string word = Lower(token.text);
  return !IsReserved(word) || word == "not" || word == "case";
}

Status Parser::ExpectSymbol(std::string_view symbol, std::string_view after) {
  if (TakeSymbol(symbol)) return Status::Ok();
  return Unexpected("'" + std::string(symbol) + "' after " + std::string(after));
}

Status Parser::ExpectWord(std::string_view word, std::string_view where) {
  if (TakeWord(word)) return Status::Ok();
  return Unexpected("'" + std::string(word) + "' " + std::string(where));
}

Status Parser::ExpectEnd() {
  if (Peek().kind == TokenKind::kEnd) return Status::Ok();
  return Unexpected("an operator or the end of the text");
}

Result<Expr> Parser::ParseAll() {
  MR_ASSIGN_OR_RETURN(Expr expr, ParseExpression(0));
  MR_RETURN_IF_ERROR(ExpectEnd());
  return expr;
}

Result<Expr> Parser::ParseCallOnly(Expr* where) {
  const Token name = Peek();
  if (name.kind != TokenKind::kName || !IsSymbol("(", 1)) {
    return ErrorAt(name.position, "expected a call like sum(x) or count()");
  }
  Skip();
  Skip();
  std::vector<Expr> arguments;
  if (IsSymbol("*") && IsSymbol(")", 1)) {
    Skip();
    Skip();
  } else {
    MR_ASSIGN_OR_RETURN(arguments, ParseList(")"));
  }
  if (TakeWord("where")) {
    MR_ASSIGN_OR_RETURN(*where, ParseExpression(0));
  }
  MR_RETURN_IF_ERROR(ExpectEnd());
  return MakeCall(name.text, std::move(arguments), name.position);
}

Result<Expr> Parser::CheckDepth(Expr expr) const {
  if (expr.node().depth <= kMaxDepth) return expr;
  return ErrorAt(Peek().position,
                 "the expression is nested deeper than " + std::to_string(kMaxDepth) + " levels");
}

Result<Expr> Parser::ParseExpression(int min_power) {
  if (++nesting_ > kMaxNesting) {
    return ErrorAt(Peek().position,
                   "the expression is nested deeper than " + std::to_string(kMaxDepth) + " levels");
  }
  MR_ASSIGN_OR_RETURN(Expr left, ParsePrefix());
  while (true) {
    MR_ASSIGN_OR_RETURN(std::optional<Expr> wider, ParseInfix(left, min_power));
    if (!wider.has_value()) break;
    MR_ASSIGN_OR_RETURN(left, CheckDepth(*std::move(wider)));
  }
  --nesting_;
  return CheckDepth(std::move(left));
}

Result<Expr> Parser::ParsePrefix() {
  const Token token = Peek();
  switch (token.kind) {
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return ParseNumber();
    case TokenKind::kString:
      Skip();
      return MakeLiteral(token.text, token.position);
    case TokenKind::kQuotedName:
      Skip();
      return MakeColumn(token.text, token.position);
    case TokenKind::kName:
      return ParseWord();
    case TokenKind::kEnd:
      return Unexpected("a value");
    case TokenKind::kSymbol:
      break;
  }
  if (token.text == "-") return ParseNegative();
  if (TakeSymbol("+")) return ParseExpression(kNegate);
  if (TakeSymbol("(")) {
    MR_ASSIGN_OR_RETURN(Expr inner, ParseExpression(0));
    MR_RETURN_IF_ERROR(ExpectSymbol(")", "the expression in brackets"));
    return inner;
  }
  if (TakeSymbol("[")) {
    MR_ASSIGN_OR_RETURN(std::vector<Expr> items, ParseList("]"));
    return MakeCall("list", std::move(items), token.position);
  }
  return Unexpected("a value");
}

Result<Expr> Parser::ParseNumber() {
  const Token token = Peek();
  Skip();
  const char* const begin = token.text.data();
  const char* const end = begin + token.text.size();
  if (token.kind == TokenKind::kInteger) {
    std::int64_t value = 0;
    if (std::from_chars(begin, end, value).ec != std::errc()) {
      return ErrorAt(token.position, "the integer " + token.text + " does not fit into int64");
    }
    return MakeLiteral(value, token.position);
  }
  double value = 0;
  // Out of range also covers numbers that round to zero.
  if (std::from_chars(begin, end, value).ec != std::errc()) {
    return ErrorAt(token.position, "the number " + token.text + " does not fit into a double");
  }
  return MakeLiteral(value, token.position);
}

Result<Expr> Parser::ParseNegative() {
  const int position = Peek().position;
  Skip();
  if (Peek().kind == TokenKind::kInteger && Peek().text == "9223372036854775808") {
    Skip();
    return MakeLiteral(std::numeric_limits<std::int64_t>::min(), position);
  }
  // The sign of a number belongs to the number: -128::int8 is (-128)::int8.
  const bool number = Peek().kind == TokenKind::kInteger || Peek().kind == TokenKind::kFloat;
  MR_ASSIGN_OR_RETURN(Expr operand, number ? ParseNumber() : ParseExpression(kNegate));
  return MakeNegative(std::move(operand), position);
}

Result<Expr> Parser::ParseWord() {
  const Token token = Peek();
  const std::string word = Lower(token.text);
  const bool begins_value =
      (word == "not" && StartsValue(1)) || (word == "case" && (StartsValue(1) || IsWord("when", 1)));
  if (IsReserved(word) && !begins_value) {
    return ErrorAt(token.position, "expected a value but found the keyword '" + token.text + "'; write \"" +
                                       token.text + "\" if it is a column");
  }
  if (word == "case") return ParseCase();
  if (IsSymbol("(", 1) && word != "not") {
    if (word == "cast" || word == "try_cast") return ParseCastCall(word == "try_cast");
    Skip();
    Skip();
    MR_ASSIGN_OR_RETURN(std::vector<Expr> arguments, ParseList(")"));
    return MakeCall(word, std::move(arguments), token.position);
  }
  if ((word == "timestamp" || word == "date") && Peek(1).kind == TokenKind::kString)
    return ParseTimeLiteral();
  Skip();
  if (word == "not") {
    MR_ASSIGN_OR_RETURN(Expr operand, ParseExpression(kNot));
    return MakeCall("not", {std::move(operand)}, token.position);
  }
  if (word == "null") return MakeLiteral(std::monostate{}, token.position);
  if (word == "true" || word == "false") return MakeLiteral(word == "true", token.position);
  return MakeColumn(token.text, token.position);
}

Result<Expr> Parser::ParseCase() {
  Node node;
  node.kind = NodeKind::kCase;
  const Token keyword = Peek();
  node.position = keyword.position;
  Skip();
  if (!IsWord("when")) {
    MR_ASSIGN_OR_RETURN(Expr operand, ParseExpression(0));
    node.has_operand = true;
    node.children.push_back(std::move(operand));
    if (!IsWord("when")) {
      return ErrorAt(Peek().position, "expected 'when' but found " + Peek().Describe() + "; write \"" +
                                          keyword.text + "\" if it is a column, not the keyword");
    }
  }
  while (TakeWord("when")) {
    MR_ASSIGN_OR_RETURN(Expr when, ParseExpression(0));
    MR_RETURN_IF_ERROR(ExpectWord("then", "after the condition of 'when'"));
    MR_ASSIGN_OR_RETURN(Expr then, ParseExpression(0));
    node.children.push_back(std::move(when));
    node.children.push_back(std::move(then));
  }
  if (TakeWord("else")) {
    MR_ASSIGN_OR_RETURN(Expr otherwise, ParseExpression(0));
    node.has_else = true;
    node.children.push_back(std::move(otherwise));
  }
  MR_RETURN_IF_ERROR(ExpectWord("end", "to close 'case'"));
  return MakeExpr(std::move(node));
}

Result<Expr> Parser::ParseCastCall(bool is_try) {
  const int position = Peek().position;
  Skip();
  Skip();
  MR_ASSIGN_OR_RETURN(Expr operand, ParseExpression(0));
  MR_RETURN_IF_ERROR(ExpectWord("as", "after the value of cast"));
  MR_ASSIGN_OR_RETURN(std::string type, ParseTypeText());
  MR_RETURN_IF_ERROR(ExpectSymbol(")", "the type of cast"));
  return MakeCast(std::move(operand), std::move(type), is_try, position);
}

Result<Expr> Parser::ParseTimeLiteral() {
  const Token word = Peek();
  const Token value = Peek(1);
  Skip();
  Skip();
  const bool is_date = Lower(word.text) == "date";
  const auto parsed = ParseTime(value.text);
  if (!parsed.has_value() || (is_date && !parsed->date_only)) {
    return ErrorAt(value.position, "cannot read '" + value.text + "' as a " + Lower(word.text) + "; write " +
                                       (is_date ? "date '2024-01-31'" : "timestamp '2024-01-31T12:00:00Z'"));
  }
  Expr text = MakeLiteral(value.text, value.position);
  return MakeCast(std::move(text), std::string(is_date ? "date" : parsed->TypeText()), false, word.position);
}

Result<std::vector<Expr>> Parser::ParseList(std::string_view close) {
  std::vector<Expr> items;
  if (TakeSymbol(close)) return items;
  while (true) {
    MR_ASSIGN_OR_RETURN(Expr item, ParseExpression(0));
    items.push_back(std::move(item));
    if (TakeSymbol(close)) return items;
    if (!TakeSymbol(",")) return Unexpected("',' or '" + std::string(close) + "'");
  }
}

Status Parser::SkipBrackets() {
  std::string open;
  do {
    if (Peek().kind == TokenKind::kEnd) return Unexpected("the end of the type");
    if (Peek().kind == TokenKind::kSymbol) {
      const char c = Peek().text.size() == 1 ? Peek().text[0] : '\0';
      if (c == '<' || c == '[' || c == '(') open += c;
      if ((c == '>' || c == ']' || c == ')') && !open.empty()) open.pop_back();
    }
    Skip();
  } while (!open.empty());
  return Status::Ok();
}

Result<std::string> Parser::ParseTypeText() {
  const Token first = Peek();
  if (first.kind != TokenKind::kName) return Unexpected("a type");
  Skip();
  const std::string word = Lower(first.text);
  const bool nested = IsSymbol("<") && (word == "list" || word == "struct" || word == "map");
  const bool with_unit =
      IsSymbol("[") && (word == "timestamp" || word.starts_with("time") || word == "duration");
  const bool with_size = IsSymbol("(") && word.starts_with("decimal");
  if (nested || with_unit || with_size) MR_RETURN_IF_ERROR(SkipBrackets());
  const std::size_t end = tokens_[next_ - 1].end;
  const auto type = ParseType(text_.substr(first.begin, end - first.begin));
  if (!type.ok()) return ErrorAt(first.position, type.status().message());
  return TypeText(**type);
}

Result<std::optional<Expr>> Parser::ParseInfix(const Expr& left, int min_power) {
  const Token token = Peek();
  if (token.kind == TokenKind::kSymbol) {
    if (token.text == "." || token.text == "[" || token.text == "::") {
      if (min_power >= (token.text == "::" ? kCastPower : kPostfix)) return std::optional<Expr>();
      return ParsePostfix(left);
    }
    const bool add = token.text == "+" || token.text == "-" || token.text == "||";
    const bool multiply = token.text == "*" || token.text == "/" || token.text == "%";
    if (add || multiply) {
      const int power = add ? kAdd : kMultiply;
      if (power <= min_power) return std::optional<Expr>();
      Skip();
      MR_ASSIGN_OR_RETURN(Expr right, ParseExpression(power));
      return std::optional(MakeCall(token.text, {left, std::move(right)}, token.position));
    }
  } else if (IsWord("and") || IsWord("or")) {
    const int power = IsWord("or") ? kOr : kAnd;
    if (power <= min_power) return std::optional<Expr>();
    MR_ASSIGN_OR_RETURN(Expr chain, ParseLogic(left, power));
    return std::optional(std::move(chain));
  }
  if (min_power >= kCompare) return std::optional<Expr>();
  return ParseComparison(left);
}

Result<Expr> Parser::ParseLogic(const Expr& first, int power) {
  const std::string word = Lower(Peek().text);
  std::vector<Expr> operands = {first};
  std::vector<Token> operators;
  while (IsWord(word)) {
    operators.push_back(Peek());
    Skip();
    MR_ASSIGN_OR_RETURN(Expr right, ParseExpression(power));
    operands.push_back(std::move(right));
  }
  if (operands.size() > kLongestPlainChain) return Balanced(operands, operators);
  Expr chain = operands.front();
  for (std::size_t i = 0; i < operators.size(); ++i)
    chain = MakeCall(operators[i].text, {std::move(chain), operands[i + 1]}, operators[i].position);
  return chain;
}

Status Parser::RefuseChain() const {
  for (const std::string_view symbol : {"=", "<>", "<", "<=", ">", ">="}) {
    if (IsSymbol(symbol)) {
      return ErrorAt(Peek().position, "comparisons cannot be chained: join them with 'and', or use brackets");
    }
  }
  return Status::Ok();
}

Result<std::optional<Expr>> Parser::ParseComparison(const Expr& left) {
  const Token token = Peek();
  if (token.kind == TokenKind::kSymbol) {
    for (const std::string_view symbol : {"=", "<>", "<", "<=", ">", ">="}) {
      if (token.text != symbol) continue;
      Skip();
      MR_ASSIGN_OR_RETURN(Expr right, ParseExpression(kCompare));
      MR_RETURN_IF_ERROR(RefuseChain());
      return std::optional(MakeCall(symbol, {left, std::move(right)}, token.position));
    }
    return std::optional<Expr>();
  }
  if (IsWord("is")) {
    MR_ASSIGN_OR_RETURN(Expr test, ParseIs(left));
    return std::optional(std::move(test));
  }
  const std::size_t ahead = IsWord("not") ? 1 : 0;
  const std::string word = Peek(ahead).kind == TokenKind::kName ? Lower(Peek(ahead).text) : "";
  const bool known =
      word == "in" || word == "like" || word == "ilike" || word == "between" || word == "regexp";
  if (!known) return std::optional<Expr>();
  for (std::size_t i = 0; i <= ahead; ++i) Skip();
  std::vector<Expr> arguments = {left};
  if (word == "in") {
    MR_RETURN_IF_ERROR(ExpectSymbol("(", "'in'"));
    if (IsSymbol(")")) return Unexpected("a value in the list of 'in'");
    MR_ASSIGN_OR_RETURN(std::vector<Expr> items, ParseList(")"));
    arguments.insert(arguments.end(), items.begin(), items.end());
  } else {
    MR_ASSIGN_OR_RETURN(Expr right, ParseExpression(kCompare));
    arguments.push_back(std::move(right));
  }
  if (word == "between") {
    MR_RETURN_IF_ERROR(ExpectWord("and", "after the lower bound of 'between'"));
    MR_ASSIGN_OR_RETURN(Expr high, ParseExpression(kCompare));
    arguments.push_back(std::move(high));
  }
  MR_RETURN_IF_ERROR(RefuseChain());
  Expr test = MakeCall(word == "regexp" ? "regexp_like" : word, std::move(arguments), token.position);
  if (ahead == 1) test = MakeCall("not", {std::move(test)}, token.position);
  return std::optional(std::move(test));
}

Result<Expr> Parser::ParseIs(const Expr& left) {
  const int position = Peek().position;
  Skip();
  const bool negated = TakeWord("not");
  if (TakeWord("null")) return MakeCall(negated ? "is not null" : "is null", {left}, position);
  if (TakeWord("distinct")) {
    MR_RETURN_IF_ERROR(ExpectWord("from", "after 'is distinct'"));
    MR_ASSIGN_OR_RETURN(Expr right, ParseExpression(kCompare));
    MR_RETURN_IF_ERROR(RefuseChain());
    Expr test = MakeCall("is distinct from", {left, std::move(right)}, position);
    return negated ? MakeCall("not", {std::move(test)}, position) : test;
  }
  return Unexpected("'null', 'not null' or 'distinct from' after 'is'");
}

Result<std::optional<Expr>> Parser::ParsePostfix(const Expr& left) {
  const Token token = Peek();
  Skip();
  if (token.text == "::") {
    MR_ASSIGN_OR_RETURN(std::string type, ParseTypeText());
    return std::optional(MakeCast(left, std::move(type), false, token.position));
  }
  if (token.text == "[") {
    MR_ASSIGN_OR_RETURN(Expr index, ParseExpression(0));
    MR_RETURN_IF_ERROR(ExpectSymbol("]", "the index"));
    return std::optional(MakeCall("element", {left, std::move(index)}, token.position));
  }
  const Token name = Peek();
  if (name.kind != TokenKind::kName && name.kind != TokenKind::kQuotedName)
    return Unexpected("a field name after '.'");
  Skip();
  return std::optional(MakeField(left, name.text, name.position));
}

}  // namespace millrace::expr_internal

namespace millrace {

Result<Expr> ParseExpr(std::string_view text) {
  MR_ASSIGN_OR_RETURN(expr_internal::Parser parser, expr_internal::Parser::Make(text));
  return parser.ParseAll();
}

}  // namespace millrace
