#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ops/side_values.h"
#include "state/keyed_table.h"

namespace millrace {

/// Rows of a KeyedTable that are one byte string each, or nothing yet.
class BytesRows final : public SlotRows {
 public:
  bool has(std::uint32_t slot) const { return present_[slot] != 0; }
  /// "" when there is none.
  std::string_view operator[](std::uint32_t slot) const { return values_[slot]; }
  void Set(std::uint32_t slot, std::string_view value) {
    present_[slot] = 1;
    values_.Set(slot, value);
  }

  // SlotRows.
  void Resize(std::uint32_t slots) override;
  void Clear(std::uint32_t slot) override;
  void Encode(std::uint32_t slot, std::string* out) const override;
  Status Decode(std::uint32_t slot, std::string_view bytes) override;
  std::int64_t memory_bytes() const override;

 private:
  SideValues values_;
  std::vector<std::uint8_t> present_;
};

}  // namespace millrace
