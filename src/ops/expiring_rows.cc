#include "ops/expiring_rows.h"

#include <cstring>

namespace millrace {
namespace {

constexpr char kRegisteredTag = '\0';
constexpr char kRowTag = '\1';
constexpr std::size_t kHeadBytes = 1 + sizeof(std::int64_t);

}  // namespace

Result<std::optional<std::string_view>> ExpiringRows::RowOf(std::string_view bytes) {
  if (bytes.size() == 1 && bytes.front() == kRegisteredTag) return std::optional<std::string_view>();
  if (bytes.size() < kHeadBytes || bytes.front() != kRowTag)
    return Status::Corrupt("a row does not begin with the time at which its key expires");
  return std::optional(bytes.substr(kHeadBytes));
}

void ExpiringRows::Resize(std::uint32_t slots) {
  rows_.Resize(slots);
  lives_.resize(slots);
}

void ExpiringRows::Clear(std::uint32_t slot) {
  rows_.Clear(slot);
  lives_[slot] = {};
}

void ExpiringRows::Encode(std::uint32_t slot, std::string* out) const {
  if (!has(slot)) {
    out->push_back(kRegisteredTag);
    return;
  }
  const std::int64_t expires_ms = lives_[slot].expires_ms;
  char bytes[sizeof(expires_ms)];
  std::memcpy(bytes, &expires_ms, sizeof(bytes));
  out->push_back(kRowTag);
  out->append(bytes, sizeof(bytes));
  rows_.Encode(slot, out);
}

Status ExpiringRows::Decode(std::uint32_t slot, std::string_view bytes) {
  Clear(slot);
  MR_ASSIGN_OR_RETURN(const std::optional<std::string_view> row, RowOf(bytes));
  if (!row) return Status::Ok();
  std::memcpy(&lives_[slot].expires_ms, bytes.data() + 1, sizeof(std::int64_t));
  return rows_.Decode(slot, *row);
}

std::int64_t ExpiringRows::memory_bytes() const {
  return rows_.memory_bytes() + static_cast<std::int64_t>(lives_.capacity() * sizeof(Life));
}

}  // namespace millrace
