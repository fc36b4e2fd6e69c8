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

Shape::Shape(const std::vector<std::string>& names, const std::vector<std::unique_ptr<Column>>& columns)
    : slots_(64) {
  unknown_.next = &unknown_;
  Member* last = &start_;
  for (std::size_t i = 0; i < names.size(); ++i) {
    last->next = Add(names[i], columns[i].get());
    last = last->next;
  }
  last->next = &unknown_;
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

void Shape::Insert(Member* member) {
  std::size_t slot = Hash(member->name) & (slots_.size() - 1);
  while (slots_[slot] != nullptr) slot = (slot + 1) & (slots_.size() - 1);
  slots_[slot] = member;
}

Shape::Member* Shape::Add(std::string_view name, Column* child) {
  members_.push_back(std::make_unique<Member>());
  Member* member = members_.back().get();
  member->child = child;
  member->next = &unknown_;
  member->name = name;
  member->quoted = "\"" + member->name + "\":";
  if (!NeedsEscape(name)) member->size = static_cast<std::int64_t>(member->quoted.size());
  const std::size_t head = member->quoted.size() < 16 ? member->quoted.size() : 16;
  char bytes[16] = {};
  char mask[16] = {};
  std::memcpy(bytes, member->quoted.data(), head);
  std::memset(mask, 0xFF, head);
  std::memcpy(&member->first, bytes, 8);
  std::memcpy(&member->second, bytes + 8, 8);
  std::memcpy(&member->first_mask, mask, 8);
  std::memcpy(&member->second_mask, mask + 8, 8);
  if (members_.size() * 2 > slots_.size()) {
    slots_.assign(slots_.size() * 2, nullptr);
    for (const auto& each : members_) Insert(each.get());
  } else {
    Insert(member);
  }
  return member;
}

Shape::Member* Shape::Find(std::string_view name) {
  for (std::size_t slot = Hash(name) & (slots_.size() - 1); slots_[slot] != nullptr;
       slot = (slot + 1) & (slots_.size() - 1)) {
    if (slots_[slot]->name == name) return slots_[slot];
  }
  if (remembered_ == kMaxUnknown || name.size() > kMaxUnknownBytes) return &unknown_;
  ++remembered_;
  return Add(name, nullptr);
}

}  // namespace millrace::json
