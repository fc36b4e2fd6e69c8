#include "columnar/utf8.h"

#include <arrow/util/utf8.h>

namespace millrace {

std::optional<std::size_t> FirstInvalidUtf8(std::string_view text) {
  arrow::util::InitializeUTF8();
  if (arrow::util::ValidateUTF8(text)) return std::nullopt;
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t end = begin + 1;
    while (end < text.size() && IsUtf8Continuation(text[end])) ++end;
    if (!arrow::util::ValidateUTF8(text.substr(begin, end - begin))) break;
    begin = end;
  }
  return begin;
}

}  // namespace millrace
