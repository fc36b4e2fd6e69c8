#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include <arrow/api.h>
#include <arrow/util/bit_util.h>

#include "expr/kernel.h"
#include "expr/sha256.h"

namespace millrace::expr_internal {

/// Bytes that a normaliser may write beyond the length of its text.
inline constexpr std::size_t kNormalisedSlack = 16;
static_assert(kNormalisedSlack <= kSha256Padding);

/// Whether the text is 64 hexadecimal digits: a SHA-256 already.
bool IsSha256Hex(std::string_view text);

/// Without the white space (ASCII) at its ends.
std::string_view TrimmedText(std::string_view text);

/// How characters beyond ASCII are made comparable before rows are normalised one by one.
enum class Folding {
  kNone,
  kLower,         ///< composed (NFC), lower case, every kind of space as ' '
  kLowerNoMarks,  ///< and without punctuation and symbols
};

/// The texts with characters beyond ASCII folded; the same value when there are none, which is seen in one
/// pass over the bytes. ASCII is left to the normaliser.
arrow::Result<arrow::Datum> FoldedTexts(const arrow::Datum& texts, Folding folding);

/// A column of texts of 64 bytes, filled row by row without looking for room.
class HashColumn {
 public:
  static arrow::Result<HashColumn> Make(std::int64_t rows);

  /// Where the 64 bytes of the next row that is not null go.
  char* next() { return data_ + bytes_; }
  void Append() {
    arrow::bit_util::SetBit(valid_, row_);
    bytes_ += static_cast<std::int32_t>(kSha256HexSize);
    offsets_[++row_] = bytes_;
  }
  void AppendNull() {
    offsets_[++row_] = bytes_;
    ++nulls_;
  }
  arrow::Result<arrow::Datum> Finish();

 private:
  std::shared_ptr<arrow::Buffer> valid_buffer_;
  std::shared_ptr<arrow::Buffer> offsets_buffer_;
  std::shared_ptr<arrow::ResizableBuffer> data_buffer_;
  std::uint8_t* valid_ = nullptr;
  std::int32_t* offsets_ = nullptr;
  char* data_ = nullptr;
  std::int32_t bytes_ = 0;
  std::int64_t row_ = 0;
  std::int64_t nulls_ = 0;
};

/// Room for the longest of the texts, and what is written behind it.
arrow::Result<std::unique_ptr<arrow::Buffer>> NormalisingRoom(const arrow::StringArray& texts);

/// The SHA-256 of every text of argument 0 as normalise(text, out) wrote it: it gets the text without the
/// white space around it, writes at most its size and the slack to `out`, and returns the end of what it
/// wrote; nothing written is null. 64 hexadecimal digits are passed on, in lower case, and null stays null.
template <typename Normalise>
arrow::Result<arrow::Datum> HashRows(const KernelCall& call, Folding folding, const Normalise& normalise) {
  using Texts = Argument<arrow::StringType>;
  ARROW_ASSIGN_OR_RAISE(const Texts given, Texts::Make(call.arguments[0]));
  ARROW_ASSIGN_OR_RAISE(const arrow::Datum folded_texts, FoldedTexts(call.arguments[0], folding));
  ARROW_ASSIGN_OR_RAISE(const Texts folded, Texts::Make(folded_texts));
  ARROW_ASSIGN_OR_RAISE(const std::unique_ptr<arrow::Buffer> room, NormalisingRoom(folded.array()));
  ARROW_ASSIGN_OR_RAISE(HashColumn column, HashColumn::Make(call.num_rows));
  const bool same = folded.array().raw_data() == given.array().raw_data();
  char* const begin = reinterpret_cast<char*>(room->mutable_data());
  for (std::int64_t row = 0; row < call.num_rows; ++row) {
    if (given.IsNull(row)) {
      column.AppendNull();
      continue;
    }
    const std::string_view text = TrimmedText(given[row]);
    if (IsSha256Hex(text)) {
      char* const hash = column.next();
      for (std::size_t i = 0; i < kSha256HexSize; ++i) hash[i] = static_cast<char>(text[i] | 0x20);
      column.Append();
      continue;
    }
    const char* end = normalise(same ? text : TrimmedText(folded[row]), begin);
    if (end == begin) {
      column.AppendNull();
      continue;
    }
    Sha256HexInPlace(begin, static_cast<std::size_t>(end - begin), column.next());
    column.Append();
  }
  return column.Finish();
}

}  // namespace millrace::expr_internal
