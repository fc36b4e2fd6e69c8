#include "codec/json/json_shape.h"

namespace millrace::json {
namespace {

/// Keys that JSON may write only with an escape never match their quoted form; they go through the full
/// parser.
bool NeedsEscape(std::string_view name) {
  for (const char c : name) {
    if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20) return true;
  }
  return false;
}

}  // namespace

Shape::Shape(const std::vector<std::string>& names) {
  members_.resize(2);
  slots_.assign(64, kNone);
  for (std::size_t i = 0; i < names.size(); ++i) Add(names[i], static_cast<std::int32_t>(i));
  for (std::size_t i = 0; i < members_.size(); ++i) members_[i].next = static_cast<std::int32_t>(i) + 1;
  members_.back().next = kUnknown;
  members_[0].next = members_.size() > 2 ? 2 : kUnknown;
  members_[kUnknown].next = kUnknown;
}

std::uint64_t Shape::Hash(std::string_view name) {
  std::uint64_t hash = name.size() * 0x9E3779B97F4A7C15ULL;
  while (!name.empty()) {
    std::uint64_t word = 0;
    const std::size_t size = name.size() < 8 ? name.size() : 8;
    std::memcpy(&word, name.data(), size);
    hash = (hash ^ word) * 0xFF51AFD7ED558CCDULL;
    hash ^= hash >> 32;
    name.remove_prefix(size);
  }
  return hash;
}

void Shape::Grow() {
  slots_.assign(slots_.size() * 2, kNone);
  for (std::size_t i = 2; i < members_.size(); ++i) {
    std::size_t at = Hash(members_[i].name) & (slots_.size() - 1);
    while (slots_[at] != kNone) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = static_cast<std::int32_t>(i);
  }
}

std::int32_t Shape::Add(std::string_view name, std::int32_t child) {
  Member member;
  member.child = child;
  member.next = kUnknown;
  member.name = name;
  member.quoted = "\"" + member.name + "\":";
  member.size = NeedsEscape(name) ? 0 : static_cast<std::int64_t>(member.quoted.size());
  const std::size_t head = member.quoted.size() < 16 ? member.quoted.size() : 16;
  char bytes[16] = {};
  char mask[16] = {};
  std::memcpy(bytes, member.quoted.data(), head);
  std::memset(mask, 0xFF, head);
  std::memcpy(&member.first, bytes, 8);
  std::memcpy(&member.second, bytes + 8, 8);
  std::memcpy(&member.first_mask, mask, 8);
  std::memcpy(&member.second_mask, mask + 8, 8);
  members_.push_back(std::move(member));
  const auto at = static_cast<std::int32_t>(members_.size() - 1);
  if (members_.size() * 2 > slots_.size()) {
    Grow();
  } else {
    std::size_t slot = Hash(name) & (slots_.size() - 1);
    while (slots_[slot] != kNone) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = at;
  }
  return at;
}

std::int32_t Shape::Find(std::string_view name) {
  for (std::size_t slot = Hash(name) & (slots_.size() - 1); slots_[slot] != kNone;
       slot = (slot + 1) & (slots_.size() - 1)) {
    if (members_[static_cast<std::size_t>(slots_[slot])].name == name) return slots_[slot];
  }
  if (unknown_ == kMaxUnknown || name.size() > kMaxUnknownBytes) return kUnknown;
  ++unknown_;
  return Add(name, kNone);
}

}  // namespace millrace::json
