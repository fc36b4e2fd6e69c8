#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "columnar/key_encoding.h"
#include "state/keyed_table.h"

namespace millrace {

/// Rows of a table that go later than it is known that they will. Owned by one operator; keeps memory from
/// batch to batch.
class RowsToErase {
 public:
  void Add(std::int64_t slice, std::string_view key) {
    slices_.push_back(slice);
    keys_.Append(key);
  }
  /// Forgets them.
  void Clear();
  /// Erases them, which the table must have, and forgets them.
  Status EraseFrom(KeyedTable& table);

 private:
  std::vector<std::int64_t> slices_;
  KeyBuffer keys_;
  std::vector<std::uint32_t> slots_;
};

}  // namespace millrace
