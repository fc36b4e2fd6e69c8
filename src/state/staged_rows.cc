#include "state/staged_rows.h"

#include <cstring>

namespace millrace {

void StagedRows::Set(std::uint32_t slot, std::string_view row) {
  if (slot >= places_.size()) places_.resize(slot + slot / 2 + 64);
  Place& place = places_[slot];
  const auto size = static_cast<std::uint32_t>(row.size());
  if (place.generation != generation_ || place.room < size) {
    place = Place{.at = bytes_.size(), .size = size, .room = size, .generation = generation_};
    bytes_.append(row);
    return;
  }
  place.size = size;
  if (!row.empty()) std::memcpy(bytes_.data() + place.at, row.data(), row.size());
}

void StagedRows::Clear() {
  std::string().swap(bytes_);  // assigned to, it would keep its memory
  ++generation_;
}

std::int64_t StagedRows::memory_bytes() const {
  return static_cast<std::int64_t>(bytes_.capacity() + places_.capacity() * sizeof(Place));
}

}  // namespace millrace
