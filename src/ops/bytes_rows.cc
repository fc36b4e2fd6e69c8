#include "ops/bytes_rows.h"

namespace millrace {

void BytesRows::Encode(std::uint32_t slot, std::string* out) const { values().Encode(slot, has(slot), out); }

Status BytesRows::Decode(std::uint32_t slot, std::string_view in) {
  MR_ASSIGN_OR_RETURN(head(slot).present, values().Decode(slot, &in));
  if (!in.empty()) return Status::Corrupt("a value is " + std::to_string(in.size()) + " bytes too long");
  return Status::Ok();
}

}  // namespace millrace
