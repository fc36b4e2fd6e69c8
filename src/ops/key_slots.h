#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "columnar/key_encoding.h"
#include "state/keyed_table.h"

namespace millrace {

/// The rows of a list of keys in one slice of a table: one slot per key, valid until the next call here or
/// lookup in the table. Owned by one operator; keeps memory from batch to batch.
class KeySlots {
 public:
  /// KeyedTable::kNoSlot for keys that the table has not.
  Status Find(KeyedTable& table, std::int64_t slice, const KeyBuffer& keys);
  /// Adds the keys that are new, cleared; all become dirty.
  Status Lookup(KeyedTable& table, std::int64_t slice, const KeyBuffer& keys);
  /// Adds the keys that are new, cleared; only these become dirty.
  Status FindOrAdd(KeyedTable& table, std::int64_t slice, const KeyBuffer& keys);

  std::size_t size() const { return slots_.size(); }
  std::uint32_t operator[](std::size_t i) const { return slots_[i]; }
  std::span<const std::uint32_t> slots() const { return slots_; }
  auto begin() const { return slots_.begin(); }
  auto end() const { return slots_.end(); }

 private:
  /// Room for as many slots as there are keys, all in `slice`.
  void Start(std::int64_t slice, const KeyBuffer& keys);

  std::vector<std::int64_t> slices_;
  std::vector<std::uint32_t> slots_;
  KeyBuffer new_keys_;
  std::vector<std::uint32_t> new_slots_;
};

}  // namespace millrace
