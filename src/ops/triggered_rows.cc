#include "ops/triggered_rows.h"

namespace millrace {

void TriggeredRows::Resize(std::uint32_t slots) {
  groups_.Resize(slots);
  notes_.resize(slots);
}

void TriggeredRows::Clear(std::uint32_t slot) {
  groups_.Clear(slot);
  notes_[slot].empty = true;
}

Status TriggeredRows::Decode(std::uint32_t slot, std::string_view bytes) {
  notes_[slot].empty = false;
  return groups_.Decode(slot, bytes);
}

std::int64_t TriggeredRows::memory_bytes() const {
  return groups_.memory_bytes() + static_cast<std::int64_t>(notes_.capacity() * sizeof(Note));
}

}  // namespace millrace
