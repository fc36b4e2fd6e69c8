#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"

namespace millrace {

// Rows as tests write them, one per line: `k=a t=1 price=2.5 name="x y" n=null tags=[1, 2] user={"id": 7}`.
//
// A value is: null, true, false, a number, a word, "text" with JSON escapes, or JSON in [] or {}. A word may
// hold any characters but space, quotes, brackets, comma and #. `#` after a space starts a comment.
// Timestamps are integers in the column's unit or RFC 3339 text, dates 2024-01-31, decimals 12.50.

/// One value as written.
struct TextCell {
  enum class Kind { kNull, kBool, kInteger, kNumber, kWord, kText, kJson };
  std::string name;
  Kind kind = Kind::kNull;
  /// kText: without quotes and escapes; others: as written.
  std::string text;
};

using TextRow = std::vector<TextCell>;

/// Reads one line; an empty or comment line gives no cells.
/// Errors: user error with the character position; a name used twice.
Result<TextRow> ParseTextRow(std::string_view line);

/// The column types the rows suggest, in order of first appearance: bool, int64, float64, string; lists and
/// objects become `json`; mixed integers and numbers float64, other mixtures string; only nulls string.
Result<std::shared_ptr<arrow::Schema>> InferTextSchema(std::span<const TextRow> rows);

/// The rows as columns of `schema`; a cell that is missing is null.
/// Errors: user error naming row (from 1), column, text and type; a cell without a column, with a "did you
/// mean".
Result<std::shared_ptr<arrow::RecordBatch>> RowsFromText(std::span<const TextRow> rows,
                                                         const std::shared_ptr<arrow::Schema>& schema);

/// Appends `text` in double quotes with JSON's escapes; bytes from 0x80 stay as they are.
void AppendQuotedText(std::string_view text, std::string* out);

/// One value in the form above; reads back to the same value under the same type.
std::string CellText(const arrow::Array& column, std::int64_t row);

/// One row, columns in order, as a line that ParseTextRow reads.
std::string RowText(const arrow::RecordBatch& rows, std::int64_t row);

}  // namespace millrace
