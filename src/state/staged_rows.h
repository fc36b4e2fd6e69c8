#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "state/byte_arena.h"

namespace millrace {

/// Encoded rows by slot: what was committed and is not on disk yet. One owner, one thread.
///
/// A checkpoint writes a row here in place of its older version, which costs a copy; RocksDB sees only the
/// last one.
class StagedRows {
 public:
  void Set(std::uint32_t slot, std::string_view row);
  /// Precondition: Set since the last Clear. Valid until the next Set.
  std::string_view operator[](std::uint32_t slot) const { return {places_[slot].at, places_[slot].size}; }
  /// For loops over many slots: what Set will read, and PrefetchRow.
  void PrefetchPlace(std::uint32_t slot) const {
    if (slot < places_.size()) __builtin_prefetch(&places_[slot]);
  }
  /// What operator[] will read. Precondition: as there.
  void PrefetchRow(std::uint32_t slot) const { __builtin_prefetch(places_[slot].at); }
  void Clear();
  /// Grows until Clear.
  std::int64_t bytes() const { return rows_.appended_bytes(); }
  std::int64_t memory_bytes() const;

 private:
  struct Place {
    char* at = nullptr;  // in rows_
    std::uint32_t size = 0;
    std::uint32_t room = 0;
    std::uint64_t generation = 0;  // of the Clear before which it was made
  };
  std::vector<Place> places_;  // by slot
  ByteArena rows_;
  std::uint64_t generation_ = 1;
};

}  // namespace millrace
