#include "state/staged_rows.h"

#include <cstring>

namespace millrace {

void StagedRows::Set(std::uint32_t slot, std::string_view row) {
  if (slot >= places_.size()) places_.resize(slot + slot / 2 + 64);
  Place& place = places_[slot];
  const auto size = static_cast<std::uint32_t>(row.size());
  if (place.generation != generation_ || place.room < size) {
    place = Place{.at = rows_.Append(row), .size = size, .room = size, .generation = generation_};
    return;
  }
  place.size = size;
  if (!row.empty()) std::memcpy(place.at, row.data(), row.size());
}

void StagedRows::Clear() {
  rows_ = ByteArena();
  ++generation_;
}

std::int64_t StagedRows::memory_bytes() const {
  return rows_.allocated_bytes() + static_cast<std::int64_t>(places_.capacity() * sizeof(Place));
}

}  // namespace millrace
