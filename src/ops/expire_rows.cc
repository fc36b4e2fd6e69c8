#include "ops/expire_rows.h"

#include <cstring>

namespace millrace {

namespace {

constexpr char kEntry = 0;  // of the schedule
constexpr char kLive = 1;

}  // namespace

void ExpireRows::Encode(std::uint32_t slot, std::string* out) const {
  const Row& row = rows_[slot];
  out->push_back(row.live ? kLive : kEntry);
  if (!row.live) return;
  char bytes[sizeof(RowPlace) + sizeof(row.ends_ms)];
  std::memcpy(bytes, &row.place, sizeof(RowPlace));
  std::memcpy(bytes + sizeof(RowPlace), &row.ends_ms, sizeof(row.ends_ms));
  out->append(bytes, sizeof(bytes));
}

Status ExpireRows::Decode(std::uint32_t slot, std::string_view in) {
  Row& row = rows_[slot];
  row = {};
  if (in == std::string_view(&kEntry, 1)) return Status::Ok();
  if (in.size() != 1 + sizeof(RowPlace) + sizeof(row.ends_ms) || in[0] != kLive) {
    return Status::Corrupt("what is kept of a live row cannot be read");
  }
  in.remove_prefix(1);
  std::memcpy(&row.place, in.data(), sizeof(RowPlace));
  std::memcpy(&row.ends_ms, in.data() + sizeof(RowPlace), sizeof(row.ends_ms));
  row.live = true;
  return Status::Ok();
}

}  // namespace millrace
