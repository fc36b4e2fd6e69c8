#include "ops/bytes_rows.h"

namespace millrace {

void BytesRows::Resize(std::uint32_t slots) {
  values_.Resize(slots);
  if (slots > present_.size()) present_.resize(slots);
}

void BytesRows::Clear(std::uint32_t slot) {
  values_.Set(slot, {});
  present_[slot] = 0;
}

void BytesRows::Encode(std::uint32_t slot, std::string* out) const {
  values_.Encode(slot, present_[slot] != 0, out);
}

Status BytesRows::Decode(std::uint32_t slot, std::string_view bytes) {
  MR_ASSIGN_OR_RETURN(const bool present, values_.Decode(slot, &bytes));
  present_[slot] = present ? 1 : 0;
  if (!bytes.empty())
    return Status::Corrupt("a value is " + std::to_string(bytes.size()) + " bytes too long");
  return Status::Ok();
}

std::int64_t BytesRows::memory_bytes() const {
  return values_.memory_bytes() + static_cast<std::int64_t>(present_.capacity());
}

}  // namespace millrace
