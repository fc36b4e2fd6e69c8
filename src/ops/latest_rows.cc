#include "ops/latest_rows.h"

#include <cstring>

namespace millrace {

void LatestRows::Encode(std::uint32_t slot, std::string* out) const {
  out->push_back(static_cast<char>(state(slot)));
  if (state(slot) == State::kNone) return;
  char place_bytes[sizeof(RowPlace)];
  std::memcpy(place_bytes, &place(slot), sizeof(place_bytes));
  out->append(place_bytes, sizeof(place_bytes));
  if (state(slot) == State::kRow) out->append(values()[slot]);
}

Status LatestRows::Decode(std::uint32_t slot, std::string_view in) {
  Clear(slot);
  if (in.empty() || static_cast<unsigned char>(in[0]) > static_cast<unsigned char>(State::kDeleted)) {
    return Status::Corrupt("a row of the table does not say what it is");
  }
  LatestHead& row = head(slot);
  row.state = static_cast<State>(in[0]);
  in.remove_prefix(1);
  if (row.state == State::kNone) {
    return in.empty() ? Status::Ok() : Status::Corrupt("an entry of the expiry index is too long");
  }
  if (in.size() < sizeof(RowPlace)) return Status::Corrupt("a row of the table is cut short");
  std::memcpy(&row.place, in.data(), sizeof(RowPlace));
  in.remove_prefix(sizeof(RowPlace));
  if (row.state == State::kRow) values().Set(slot, in);
  return Status::Ok();
}

}  // namespace millrace
