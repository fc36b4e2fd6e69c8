#include "ops/latest_rows.h"

#include <cstring>

namespace millrace {

void LatestRows::Resize(std::uint32_t slots) {
  heads_.resize(slots);
  rows_.Resize(slots);
}

void LatestRows::Clear(std::uint32_t slot) {
  heads_[slot] = {};
  rows_.Set(slot, {});
}

void LatestRows::Encode(std::uint32_t slot, std::string* out) const {
  const Head& head = heads_[slot];
  out->push_back(static_cast<char>(head.state));
  if (head.state == State::kNone) return;
  char place[sizeof(RowPlace)];
  std::memcpy(place, &head.place, sizeof(place));
  out->append(place, sizeof(place));
  if (head.state == State::kRow) out->append(rows_[slot]);
}

Status LatestRows::Decode(std::uint32_t slot, std::string_view bytes) {
  Clear(slot);
  if (bytes.empty() || static_cast<unsigned char>(bytes[0]) > static_cast<unsigned char>(State::kDeleted)) {
    return Status::Corrupt("a row of the table does not say what it is");
  }
  Head& head = heads_[slot];
  head.state = static_cast<State>(bytes[0]);
  bytes.remove_prefix(1);
  if (head.state == State::kNone) {
    return bytes.empty() ? Status::Ok() : Status::Corrupt("an entry of the expiry index is too long");
  }
  if (bytes.size() < sizeof(RowPlace)) return Status::Corrupt("a row of the table is cut short");
  std::memcpy(&head.place, bytes.data(), sizeof(RowPlace));
  bytes.remove_prefix(sizeof(RowPlace));
  if (head.state == State::kRow) rows_.Set(slot, bytes);
  return Status::Ok();
}

std::int64_t LatestRows::memory_bytes() const {
  return rows_.memory_bytes() + static_cast<std::int64_t>(heads_.capacity() * sizeof(Head));
}

}  // namespace millrace
