#include "ops/clocked_rows.h"

#include <cstring>

namespace millrace {
namespace {

constexpr char kGroupTag = 'g';
constexpr char kClockTag = 'c';

}  // namespace

void ClockedRows::Resize(std::uint32_t slots) {
  groups_.Resize(slots);
  clocks_.resize(slots);
}

void ClockedRows::Clear(std::uint32_t slot) {
  groups_.Clear(slot);
  clocks_[slot] = {};
}

std::optional<std::string_view> ClockedRows::GroupOf(std::string_view row) {
  if (row.empty() || row.front() != kGroupTag) return std::nullopt;
  return row.substr(1);
}

void ClockedRows::Encode(std::uint32_t slot, std::string* out) const {
  const std::int64_t time_ms = clocks_[slot].time_ms;
  if (time_ms == kNoClock) {
    out->push_back(kGroupTag);
    groups_.Encode(slot, out);
    return;
  }
  char bytes[sizeof(time_ms)];
  std::memcpy(bytes, &time_ms, sizeof(bytes));
  out->push_back(kClockTag);
  out->append(bytes, sizeof(bytes));
}

Status ClockedRows::Decode(std::uint32_t slot, std::string_view bytes) {
  Clear(slot);
  if (const auto group = GroupOf(bytes)) return groups_.Decode(slot, *group);
  if (bytes.size() != 1 + sizeof(std::int64_t) || bytes.front() != kClockTag)
    return Status::Corrupt("a row is neither a group of a window nor the clock of a key");
  std::memcpy(&clocks_[slot].time_ms, bytes.data() + 1, sizeof(std::int64_t));
  return Status::Ok();
}

std::int64_t ClockedRows::memory_bytes() const {
  return groups_.memory_bytes() + static_cast<std::int64_t>(clocks_.capacity() * sizeof(Clock));
}

}  // namespace millrace
