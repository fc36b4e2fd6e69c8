#include "expr/lexer.h"

#include <algorithm>
#include <utility>

#include "columnar/utf8.h"

namespace millrace::expr_internal {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool IsNamePart(char c) { return IsNameStart(c) || IsDigit(c) || c == '$'; }

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<Token> Next() {
    while (offset_ < text_.size() && IsSpace(text_[offset_])) Advance();
    Token token;
    token.begin = offset_;
    token.position = position_;
    if (offset_ < text_.size()) MR_RETURN_IF_ERROR(Read(&token));
    token.end = offset_;
    return token;
  }

 private:
  char At(std::size_t ahead) const { return offset_ + ahead < text_.size() ? text_[offset_ + ahead] : '\0'; }

  void Advance() {
    ++offset_;
    // Continuation bytes of UTF-8 are part of the character before.
    if (offset_ >= text_.size() || (static_cast<unsigned char>(text_[offset_]) & 0xC0U) != 0x80U) ++position_;
  }

  Status Read(Token* token) {
    const char c = At(0);
    if (IsDigit(c) || (c == '.' && IsDigit(At(1)))) return ReadNumber(token);
    if (c == '\'') return ReadQuoted(token, TokenKind::kString, "string");
    if (c == '"' || c == '`') return ReadQuoted(token, TokenKind::kQuotedName, "quoted name");
    if (IsNameStart(c)) {
      token->kind = TokenKind::kName;
      while (offset_ < text_.size() && IsNamePart(At(0))) Advance();
      token->text = text_.substr(token->begin, offset_ - token->begin);
      return Status::Ok();
    }
    return ReadSymbol(token);
  }

  Status ReadNumber(Token* token) {
    token->kind = TokenKind::kInteger;
    while (IsDigit(At(0))) Advance();
    if (At(0) == '.') {
      token->kind = TokenKind::kFloat;
      Advance();
      while (IsDigit(At(0))) Advance();
    }
    if (At(0) == 'e' || At(0) == 'E') {
      const std::size_t sign = At(1) == '+' || At(1) == '-' ? 1 : 0;
      if (IsDigit(At(1 + sign))) {
        token->kind = TokenKind::kFloat;
        for (std::size_t i = 0; i <= sign; ++i) Advance();
        while (IsDigit(At(0))) Advance();
      }
    }
    token->text = text_.substr(token->begin, offset_ - token->begin);
    if (offset_ < text_.size() && IsNameStart(At(0))) {
      return ErrorAt(position_, "expected an operator after the number " + token->text +
                                    "; a name that starts with a digit needs double quotes");
    }
    return Status::Ok();
  }

  Status ReadQuoted(Token* token, TokenKind kind, const char* what) {
    token->kind = kind;
    const char quote = At(0);
    Advance();
    while (offset_ < text_.size()) {
      if (At(0) == quote && At(1) != quote) {
        Advance();
        const bool no_name = kind == TokenKind::kQuotedName && token->text.empty();
        return no_name ? ErrorAt(token->position, "a quoted name must not be empty") : Status::Ok();
      }
      if (At(0) == quote) Advance();  // doubled: one quote of the text
      token->text += At(0);
      Advance();
    }
    return ErrorAt(token->position, std::string("this ") + what + " has no closing " + quote);
  }

  Status ReadSymbol(Token* token) {
    token->kind = TokenKind::kSymbol;
    for (const std::string_view symbol : {"<=", ">=", "<>", "!=", "==", "||", "::"}) {
      if (text_.substr(offset_, 2) == symbol) {
        Advance();
        Advance();
        token->text = symbol == "!=" ? "<>" : symbol == "==" ? "=" : symbol;
        return Status::Ok();
      }
    }
    if (std::string_view("+-*/%=<>()[],.:").find(At(0)) == std::string_view::npos) {
      return ErrorAt(position_, std::string("unexpected character '") + At(0) + "'");
    }
    token->text = std::string(1, At(0));
    Advance();
    return Status::Ok();
  }

  std::string_view text_;
  std::size_t offset_ = 0;
  int position_ = 1;
};

/// 1-based position of the character at this byte.
int PositionAt(std::string_view text, std::size_t offset) {
  return 1 + static_cast<int>(std::count_if(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset),
                                            [](char c) { return !IsUtf8Continuation(c); }));
}

}  // namespace

std::string Token::Describe() const {
  switch (kind) {
    case TokenKind::kEnd:
      return "the end of the text";
    case TokenKind::kString:
      return "the string '" + text + "'";
    case TokenKind::kQuotedName:
      return "the name \"" + text + "\"";
    default:
      return "'" + text + "'";
  }
}

Result<std::vector<Token>> Tokenize(std::string_view text) {
  if (text.size() > kMaxTextBytes) {
    return ErrorAt(1, "an expression may have " + std::to_string(kMaxTextBytes) + " bytes, this one has " +
                          std::to_string(text.size()));
  }
  if (const auto invalid = FirstInvalidUtf8(text))
    return ErrorAt(PositionAt(text, *invalid), "the text is not valid UTF-8");
  std::vector<Token> tokens;
  Lexer lexer(text);
  do {
    MR_ASSIGN_OR_RETURN(Token token, lexer.Next());
    tokens.push_back(std::move(token));
  } while (tokens.back().kind != TokenKind::kEnd);
  return tokens;
}

Status ErrorAt(int position, std::string message) {
  if (position > 0) message += " at character " + std::to_string(position);
  return Status::InvalidArgument(std::move(message));
}

}  // namespace millrace::expr_internal
