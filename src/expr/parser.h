#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "expr/expr.h"
#include "expr/lexer.h"

namespace millrace::expr_internal {

/// Whether a bare `name` would be read as grammar somewhere, so that a column of that name is written quoted.
bool IsKeyword(std::string_view name);

/// Pratt parser over the tokens of one text. Used once.
///
/// Binding power, loosest first: or | and | not | = <> < <= > >= in like ilike between regexp is | + - || | *
/// / % | unary - | :: | .field [index]
class Parser {
 public:
  /// Errors: as Tokenize.
  static Result<Parser> Make(std::string_view text);

  /// The whole text as one expression.
  Result<Expr> ParseAll();
  /// The whole text as `name(...)`, or as `name(...) where expression`: the name lower-cased and the
  /// arguments. `name(*)` has none. `where` stays empty when there is none.
  Result<Expr> ParseCallOnly(Expr* where);

 private:
  Parser(std::string_view text, std::vector<Token> tokens) : text_(text), tokens_(std::move(tokens)) {}

  const Token& Peek(std::size_t ahead = 0) const;
  void Skip() { ++next_; }
  bool IsSymbol(std::string_view symbol, std::size_t ahead = 0) const;
  bool IsWord(std::string_view lower_case, std::size_t ahead = 0) const;
  bool TakeSymbol(std::string_view symbol);
  bool TakeWord(std::string_view lower_case);
  Status ExpectSymbol(std::string_view symbol, std::string_view after);
  Status ExpectWord(std::string_view word, std::string_view where);
  Status ExpectEnd();
  Status Unexpected(std::string_view wanted) const;
  /// Whether a value can begin `ahead` tokens from here.
  bool StartsValue(std::size_t ahead) const;

  Result<Expr> ParseExpression(int min_power);
  Result<Expr> ParsePrefix();
  Result<Expr> ParseNumber();
  Result<Expr> ParseNegative();
  Result<Expr> ParseWord();
  Result<Expr> ParseCase();
  Result<Expr> ParseCastCall(bool is_try);
  Result<Expr> ParseTimeLiteral();
  Result<std::vector<Expr>> ParseList(std::string_view close);
  /// The type text at the current token, in its canonical spelling.
  Result<std::string> ParseTypeText();
  /// Skips a balanced "<...>", "[...]" or "(...)" that starts at the current token.
  Status SkipBrackets();

  /// `left` with the operator at the current token applied, or nullopt when none binds tighter than
  /// `min_power`.
  Result<std::optional<Expr>> ParseInfix(const Expr& left, int min_power);
  /// `first` and what follows it, joined by the operator that comes next.
  Result<Expr> ParseLogic(const Expr& first, int power);
  Result<std::optional<Expr>> ParseComparison(const Expr& left);
  Result<Expr> ParseIs(const Expr& left);
  Result<std::optional<Expr>> ParsePostfix(const Expr& left);
  Status RefuseChain() const;
  Result<Expr> CheckDepth(Expr expr) const;

  std::string_view text_;
  std::vector<Token> tokens_;
  std::size_t next_ = 0;
  int nesting_ = 0;
};

}  // namespace millrace::expr_internal
