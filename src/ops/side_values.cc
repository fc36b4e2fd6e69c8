#include "ops/side_values.h"

#include <algorithm>
#include <cstring>

namespace millrace {
namespace {

// A value of fewer bytes keeps at most this much of the memory of a longer one, one of more twice its own.
constexpr std::size_t kKeptBytes = 256;

std::int64_t HeapBytes(const std::string& value) {
  constexpr std::size_t kInPlace = 15;
  return value.capacity() <= kInPlace ? 0 : static_cast<std::int64_t>(value.capacity());
}

}  // namespace

void SideValues::Resize(std::uint32_t slots) {
  if (slots > values_.size()) values_.resize(slots);
}

void SideValues::Set(std::uint32_t slot, std::string_view value) {
  std::string& kept = values_[slot];
  aside_bytes_ -= HeapBytes(kept);
  if (kept.capacity() > std::max(kKeptBytes, 2 * value.size())) std::string().swap(kept);
  kept.assign(value);
  aside_bytes_ += HeapBytes(kept);
}

void SideValues::Clear(std::uint32_t slot) {
  std::string& kept = values_[slot];
  aside_bytes_ -= HeapBytes(kept);
  std::string().swap(kept);  // assigned to, it would keep its memory
}

void SideValues::Encode(std::uint32_t slot, bool present, std::string* out) const {
  out->push_back(present ? '\1' : '\0');
  if (!present) return;
  const auto size = static_cast<std::uint32_t>(values_[slot].size());
  char bytes[sizeof(size)];
  std::memcpy(bytes, &size, sizeof(size));
  out->append(bytes, sizeof(bytes)).append(values_[slot]);
}

Result<bool> SideValues::Decode(std::uint32_t slot, std::string_view* in) {
  const auto cut_short = [] { return Status::Corrupt("an aggregate's value is cut short"); };
  if (in->empty()) return cut_short();
  const bool present = in->front() != '\0';
  in->remove_prefix(1);
  Clear(slot);
  if (!present) return false;
  std::uint32_t size;
  if (in->size() < sizeof(size)) return cut_short();
  std::memcpy(&size, in->data(), sizeof(size));
  in->remove_prefix(sizeof(size));
  if (in->size() < size) return cut_short();
  Set(slot, in->substr(0, size));
  in->remove_prefix(size);
  return true;
}

std::int64_t SideValues::memory_bytes() const {
  return static_cast<std::int64_t>(values_.capacity() * sizeof(std::string)) + aside_bytes_;
}

}  // namespace millrace
