#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json/json_column.h"
#include "codec/json/json_string.h"

namespace millrace::json {

/// Reads one JSON object after the other into columns: one pass over the bytes, fully checked (RFC 8259,
/// UTF-8).
///
/// One owner, one thread. Functions that take a position return the one after what they read, or null after
/// Fail. Invariants:
///   1. The record ends with '}' at end_ - 1, so no run of digits, spaces or letters crosses end_.
///   2. Nothing is read at or beyond end_ except by loads of a fixed size, for which RecordBlock's padding is
///   there.
class Parser {
 public:
  static constexpr int kMaxDepth = 1000;
  /// Leaf values one record may make through lists and maps: bounds what `[{},{},...]` costs with wide
  /// structs.
  static constexpr std::int64_t kMaxCells = 16'000'000;

  struct Options {
    int max_depth = 64;
    /// Remember where fields without a column stand, for unknown_object.
    bool keep_unknown = false;
  };

  /// `root` is a struct column that outlives the parser.
  Parser(Column* root, Options options);

  /// Appends the object `record` to the root column. At least RecordBlock::kPadding readable bytes follow it.
  /// False when it does not fit: error_class() and message() tell why and the caller truncates the columns.
  bool Parse(std::string_view record);

  /// Appends the JSON text `value`, which is all of it, to `column`; no padding is needed. False as for
  /// Parse.
  bool ParseValue(std::string_view value, Column* column);

  const std::string& error_class() const { return error_class_; }
  const std::string& message() const { return message_; }

  /// The fields without a column of the record parsed last, as one JSON object; false when there was none.
  bool UnknownObject(std::string* out) const;

 private:
  struct UnknownField {
    std::string_view key;  // with quotes
    std::string_view value;
  };

  const char* Object(Column& object, const char* p, int depth);
  const char* Key(const char* p, Shape& shape, Shape::Member** member);
  const char* Unknown(const char* key, const char* p, int depth);
  bool FillMissing(Column& object);
  const char* List(Column& list, const char* p, int depth);
  const char* Map(Column& map, const char* p, int depth);
  const char* MapEntries(Column& map, const char* p, int depth, const std::vector<bool>& superseded);
  const char* Value(Column& column, const char* p, int depth);
  const char* ValueInFull(Column& column, const char* p, int depth);
  const char* Null(Column& column, const char* p);

  const char* Integer(Column& column, const char* p);
  const char* Unsigned(Column& column, const char* p);
  const char* Float(Column& column, const char* p);
  const char* Bool(Column& column, const char* p);
  const char* String(Column& column, const char* p);
  const char* Binary(Column& column, const char* p);
  const char* RawText(Column& column, const char* p, const char* after);
  const char* Temporal(Column& column, const char* p);
  const char* Decimal(Column& column, const char* p);
  /// The string at `p` without escapes, in the record or in scratch_.
  const char* PlainText(Column& column, const char* p, std::string_view* text);

  /// Behind an element that ends at `p`: the next one after a comma (`more`), or the bracket `close`.
  const char* NextElement(const char* p, char close, bool* more);

  /// Checks a value that no column takes.
  const char* Skip(const char* p, int depth);
  const char* SkipString(const char* p);
  const char* SkipObject(const char* p, int depth);
  const char* SkipList(const char* p, int depth);

  const char* Fail(const Column* column, std::string_view error_class, std::string text);
  const char* Syntax(const char* p, std::string_view expected);
  const char* StringFailure(const char* p, StringFault fault);
  const char* Mismatch(const Column& column, const char* p);
  const char* OutOfRange(const Column& column, const char* p);
  const char* TooDeep(const char* p);
  bool CheckEnvelope(std::string_view record);
  bool CountCells(const Column& column, const char* p);

  // Constant after construction.
  Column* const root_;
  const Options options_;

  // The record being parsed.
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
  const Column* context_ = nullptr;  // innermost column a value is read for
  std::int64_t cells_ = 0;
  std::vector<UnknownField> unknown_;

  std::string scratch_;
  std::string padded_;  // of ParseValue
  std::string error_class_;
  std::string message_;
};

inline bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

/// Skips JSON white space. Invariant 1 of Parser bounds it.
inline const char* SkipSpace(const char* p) {
  if (static_cast<unsigned char>(*p) > ' ') return p;
  while (IsSpace(*p)) ++p;
  return p;
}

inline const char* Parser::NextElement(const char* p, char close, bool* more) {
  p = SkipSpace(p);
  *more = *p == ',';
  if (*more) return SkipSpace(p + 1);
  return *p == close ? p : Syntax(p, close == ']' ? "',' or ']'" : "',' or '}'");
}

}  // namespace millrace::json
