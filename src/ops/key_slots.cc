#include "ops/key_slots.h"

namespace millrace {

Status KeySlots::FindOrAdd(KeyedTable& table, std::int64_t slice, const KeyBuffer& keys) {
  const auto rows = static_cast<std::size_t>(keys.num_rows());
  slices_.assign(rows, slice);
  slots_.resize(rows);
  MR_RETURN_IF_ERROR(table.Find(slices_, {.data = keys.data(), .offsets = keys.offsets()}, slots_));
  new_keys_.Clear();
  for (std::size_t i = 0; i < rows; ++i) {
    if (slots_[i] == KeyedTable::kNoSlot) new_keys_.Append(keys[i]);
  }
  if (new_keys_.num_rows() == 0) return Status::Ok();
  new_slots_.resize(static_cast<std::size_t>(new_keys_.num_rows()));
  MR_RETURN_IF_ERROR(table.Lookup(std::span(slices_).first(new_slots_.size()),
                                  {.data = new_keys_.data(), .offsets = new_keys_.offsets()}, new_slots_));
  std::size_t next = 0;
  for (std::uint32_t& slot : slots_) {
    if (slot == KeyedTable::kNoSlot) slot = new_slots_[next++];
  }
  return Status::Ok();
}

}  // namespace millrace
