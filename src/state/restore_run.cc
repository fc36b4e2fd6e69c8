#include "state/restore_run.h"

#include <algorithm>
#include <cstring>

namespace millrace {
namespace {

/// The first eight bytes as a number that orders as they do; missing ones count as zero.
std::uint64_t Head(std::string_view bytes) {
  std::uint64_t head = 0;
  std::memcpy(&head, bytes.data(), std::min(bytes.size(), sizeof(head)));
  return __builtin_bswap64(head);
}

std::size_t SharedBytes(std::string_view a, std::string_view b) {
  const std::size_t most = std::min(a.size(), b.size());
  return static_cast<std::size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(most), b.begin()).first - a.begin());
}

}  // namespace

void RestoreRun::Add(std::string_view prefix, std::string_view key, std::optional<std::string_view> value) {
  Entry entry;
  entry.head = 0;
  entry.at = bytes_.size();
  entry.key_size = static_cast<std::uint32_t>(prefix.size() + key.size());
  entry.value_size = value ? static_cast<std::uint32_t>(value->size()) : kGone;
  bytes_.append(prefix);
  bytes_.append(key);
  if (value) bytes_.append(*value);
  entries_.push_back(entry);
}

void RestoreRun::Clear() {
  // The memory goes back: a store restores seldom.
  bytes_ = std::string();
  entries_ = std::vector<Entry>();
}

std::int64_t RestoreRun::bytes() const {
  return static_cast<std::int64_t>(bytes_.size() + entries_.size() * sizeof(Entry));
}

std::size_t RestoreRun::SharedPrefix(std::span<const Entry> entries) const {
  const std::string_view first = KeyOf(entries.front());
  std::size_t shared = first.size();
  for (const Entry& entry : entries) shared = SharedBytes(first.substr(0, shared), KeyOf(entry));
  return shared;
}

void RestoreRun::Sort() {
  // Reserved keys and rows differ in their first byte; what the rows share must be found without the others.
  const auto of_rows = std::partition(entries_.begin(), entries_.end(), [this](const Entry& entry) {
    return entry.key_size == 0 || bytes_[entry.at] == '\0';
  });
  const std::span<Entry> all(entries_);
  const auto reserved = static_cast<std::size_t>(of_rows - entries_.begin());
  SortPart(all.first(reserved));
  SortPart(all.subspan(reserved));
  const auto same_key = [this](const Entry& a, const Entry& b) {
    return a.head == b.head && KeyOf(a) == KeyOf(b);
  };
  entries_.erase(std::unique(entries_.begin(), entries_.end(), same_key), entries_.end());
}

void RestoreRun::SortPart(std::span<Entry> entries) {
  if (entries.empty()) return;
  const std::size_t shared = SharedPrefix(entries);
  for (Entry& entry : entries) entry.head = Head(KeyOf(entry).substr(shared));
  // Of one key the latest comes first, and is the one that stays.
  std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
    if (a.head != b.head) return a.head < b.head;
    const int order = KeyOf(a).substr(shared).compare(KeyOf(b).substr(shared));
    return order != 0 ? order < 0 : a.at > b.at;
  });
}

}  // namespace millrace
