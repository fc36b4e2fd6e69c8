#include "expr/hash_rows.h"

#include <algorithm>
#include <cstddef>
#include <limits>

#include <arrow/compute/api.h>

namespace millrace::expr_internal {
namespace {

using arrow::compute::CallFunction;

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool IsHexDigit(char c) {
  const char lower = static_cast<char>(c | 0x20);
  return (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'f');
}

bool IsAscii(std::string_view bytes) {
  unsigned seen = 0;
  for (const char c : bytes) seen |= static_cast<unsigned char>(c);
  return seen < 0x80;
}

/// All bytes from the first row's to the last row's, whatever belongs to rows that are null.
std::string_view AllBytes(const arrow::StringArray& texts) {
  if (texts.length() == 0 || texts.value_data() == nullptr) return {};
  return {reinterpret_cast<const char*>(texts.raw_data()) + texts.value_offset(0),
          static_cast<std::size_t>(texts.total_values_length())};
}

arrow::Result<arrow::Datum> Replaced(const arrow::Datum& texts, const std::string& pattern,
                                     const std::string& by) {
  const arrow::compute::ReplaceSubstringOptions options(pattern, by);
  return CallFunction("replace_substring_regex", {texts}, &options);
}

}  // namespace

bool IsSha256Hex(std::string_view text) {
  return text.size() == kSha256HexSize && std::all_of(text.begin(), text.end(), IsHexDigit);
}

std::string_view TrimmedText(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

arrow::Result<arrow::Datum> FoldedTexts(const arrow::Datum& texts, Folding folding) {
  if (folding == Folding::kNone) return texts;
  ARROW_ASSIGN_OR_RAISE(const auto argument, Argument<arrow::StringType>::Make(texts));
  if (IsAscii(AllBytes(argument.array()))) return texts;
  const arrow::compute::Utf8NormalizeOptions composed(arrow::compute::Utf8NormalizeOptions::NFC);
  ARROW_ASSIGN_OR_RAISE(arrow::Datum folded, CallFunction("utf8_normalize", {texts}, &composed));
  ARROW_ASSIGN_OR_RAISE(folded, CallFunction("utf8_lower", {folded}));
  ARROW_ASSIGN_OR_RAISE(folded, Replaced(folded, "\\p{Z}", " "));
  if (folding == Folding::kLower) return folded;
  return Replaced(folded, "[\\p{P}\\p{S}]", "");
}

arrow::Result<HashColumn> HashColumn::Make(std::int64_t rows) {
  constexpr std::int64_t kMaxRows = std::numeric_limits<std::int32_t>::max() / kSha256HexSize;
  if (rows > kMaxRows)
    return arrow::Status::CapacityError("more than ", kMaxRows, " rows to hash in one batch");
  HashColumn column;
  ARROW_ASSIGN_OR_RAISE(column.valid_buffer_, arrow::AllocateEmptyBitmap(rows));
  ARROW_ASSIGN_OR_RAISE(column.offsets_buffer_,
                        arrow::AllocateBuffer((rows + 1) * static_cast<std::int64_t>(sizeof(std::int32_t))));
  ARROW_ASSIGN_OR_RAISE(column.data_buffer_,
                        arrow::AllocateResizableBuffer(rows * static_cast<std::int64_t>(kSha256HexSize)));
  column.valid_ = column.valid_buffer_->mutable_data();
  column.offsets_ = reinterpret_cast<std::int32_t*>(column.offsets_buffer_->mutable_data());
  column.data_ = reinterpret_cast<char*>(column.data_buffer_->mutable_data());
  column.offsets_[0] = 0;
  return column;
}

arrow::Result<arrow::Datum> HashColumn::Finish() {
  ARROW_RETURN_NOT_OK(data_buffer_->Resize(bytes_, /*shrink_to_fit=*/false));
  return arrow::Datum(
      std::make_shared<arrow::StringArray>(row_, offsets_buffer_, data_buffer_, valid_buffer_, nulls_));
}

arrow::Result<std::unique_ptr<arrow::Buffer>> NormalisingRoom(const arrow::StringArray& texts) {
  const std::int32_t* const offsets = texts.raw_value_offsets();
  std::int32_t longest = 0;
  for (std::int64_t i = 0; i < texts.length(); ++i) longest = std::max(longest, offsets[i + 1] - offsets[i]);
  return arrow::AllocateBuffer(longest + static_cast<std::int64_t>(kSha256Padding));
}

}  // namespace millrace::expr_internal
