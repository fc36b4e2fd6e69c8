#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "columnar/key_encoding.h"
#include "state/keyed_table.h"

namespace millrace {

/// Finds the rows of a batch's keys in one slice of a table, and adds those that are new: only these become
/// dirty. Owned by one operator; keeps memory from batch to batch.
class KeySlots {
 public:
  /// One slot per key, valid until the next lookup in the table; a new key's is cleared.
  Status FindOrAdd(KeyedTable& table, std::int64_t slice, const KeyBuffer& keys);

  std::size_t size() const { return slots_.size(); }
  std::uint32_t operator[](std::size_t i) const { return slots_[i]; }
  std::span<const std::uint32_t> slots() const { return slots_; }

 private:
  std::vector<std::int64_t> slices_;
  std::vector<std::uint32_t> slots_;
  KeyBuffer new_keys_;
  std::vector<std::uint32_t> new_slots_;
};

}  // namespace millrace
