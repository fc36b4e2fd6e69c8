#include "ops/rows_to_erase.h"

namespace millrace {

void RowsToErase::Clear() {
  slices_.clear();
  keys_.Clear();
}

Status RowsToErase::EraseFrom(KeyedTable& table) {
  if (slices_.empty()) return Status::Ok();
  slots_.resize(slices_.size());
  MR_RETURN_IF_ERROR(table.Lookup(slices_, {.data = keys_.data(), .offsets = keys_.offsets()}, slots_));
  for (const std::uint32_t slot : slots_) table.Erase(slot);
  Clear();
  return Status::Ok();
}

}  // namespace millrace
