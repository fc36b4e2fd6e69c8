#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::expr_internal {

/// Longest text of one expression.
inline constexpr std::size_t kMaxTextBytes = 64 * 1024;

enum class TokenKind {
  kEnd,
  kName,        ///< a bare word: a column, a function or a keyword
  kQuotedName,  ///< "odd name" or `odd name`, never a keyword
  kInteger,     ///< digits
  kFloat,       ///< digits with a point or an exponent
  kString,      ///< 'text'
  kSymbol,      ///< operators and brackets
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;       ///< unescaped for strings and quoted names
  std::size_t begin = 0;  ///< bytes [begin, end) of the source
  std::size_t end = 0;
  int position = 0;  ///< 1-based character

  /// What to call it in an error: "'+'", "end of text".
  std::string Describe() const;
};

/// All tokens of `text`, the last of kind kEnd.
/// Errors: user error ending in " at character N".
Result<std::vector<Token>> Tokenize(std::string_view text);

/// User error "<message> at character <position>"; without a position when it is 0.
Status ErrorAt(int position, std::string message);

}  // namespace millrace::expr_internal
