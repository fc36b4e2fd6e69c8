#include "ops/key_slots.h"

namespace millrace {
namespace {

KeyColumn ColumnOf(const KeyBuffer& keys) { return {.data = keys.data(), .offsets = keys.offsets()}; }

}  // namespace

void KeySlots::Start(std::int64_t slice, const KeyBuffer& keys) {
  const auto rows = static_cast<std::size_t>(keys.num_rows());
  slices_.assign(rows, slice);
  slots_.resize(rows);
}

Status KeySlots::Find(KeyedTable& table, std::int64_t slice, const KeyBuffer& keys) {
  Start(slice, keys);
  return table.Find(slices_, ColumnOf(keys), slots_);
}

Status KeySlots::Lookup(KeyedTable& table, std::int64_t slice, const KeyBuffer& keys) {
  Start(slice, keys);
  return table.Lookup(slices_, ColumnOf(keys), slots_);
}

Status KeySlots::FindOrAdd(KeyedTable& table, std::int64_t slice, const KeyBuffer& keys) {
  MR_RETURN_IF_ERROR(Find(table, slice, keys));
  new_keys_.Clear();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i] == KeyedTable::kNoSlot) new_keys_.Append(keys[i]);
  }
  if (new_keys_.num_rows() == 0) return Status::Ok();
  new_slots_.resize(static_cast<std::size_t>(new_keys_.num_rows()));
  MR_RETURN_IF_ERROR(
      table.Lookup(std::span(slices_).first(new_slots_.size()), ColumnOf(new_keys_), new_slots_));
  std::size_t next = 0;
  for (std::uint32_t& slot : slots_) {
    if (slot == KeyedTable::kNoSlot) slot = new_slots_[next++];
  }
  return Status::Ok();
}

}  // namespace millrace
