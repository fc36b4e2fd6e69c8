#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace {

/// Entries of a restore on their way to the disk, in the order of the changelog: kept in memory until there
/// are enough of them to be sorted and handed over as one file, which costs a third of writing them one by
/// one. One owner, one thread.
class RestoreRun {
 public:
  /// Later entries of a key replace earlier ones. nullopt: the key is gone.
  void Add(std::string_view prefix, std::string_view key, std::optional<std::string_view> value);
  void Clear();

  bool empty() const { return entries_.empty(); }
  std::int64_t size() const { return static_cast<std::int64_t>(entries_.size()); }
  std::int64_t bytes() const;

  /// Puts the entries into key order and drops those that were replaced.
  void Sort();
  /// visit(key, value) in key order. Precondition: Sort.
  template <typename Visit>
  Status ForEach(Visit visit) const {
    for (const Entry& entry : entries_) {
      std::optional<std::string_view> value;
      if (entry.value_size != kGone)
        value = std::string_view(bytes_).substr(entry.at + entry.key_size, entry.value_size);
      MR_RETURN_IF_ERROR(visit(KeyOf(entry), value));
    }
    return Status::Ok();
  }

 private:
  static constexpr std::uint32_t kGone = 0xffffffffU;
  struct Entry {
    std::uint64_t head;  // bytes of the key behind what all keys share, big-endian: settles most comparisons
    std::uint64_t at;    // of the key in bytes_; the value follows
    std::uint32_t key_size;
    std::uint32_t value_size;
  };
  std::string_view KeyOf(const Entry& entry) const {
    return std::string_view(bytes_).substr(entry.at, entry.key_size);
  }
  std::size_t SharedPrefix(std::span<const Entry> entries) const;
  void SortPart(std::span<Entry> entries);

  std::string bytes_;
  std::vector<Entry> entries_;
};

}  // namespace millrace
