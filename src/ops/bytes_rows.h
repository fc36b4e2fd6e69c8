#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ops/headed_rows.h"

namespace millrace {

struct BytesHead {
  bool present = false;
};

/// Rows of a KeyedTable that are one byte string each, or nothing yet.
class BytesRows final : public HeadedRows<BytesHead> {
 public:
  bool has(std::uint32_t slot) const { return head(slot).present; }
  /// "" when there is none.
  std::string_view operator[](std::uint32_t slot) const { return values()[slot]; }
  void Set(std::uint32_t slot, std::string_view value) {
    head(slot).present = true;
    values().Set(slot, value);
  }

  // SlotRows.
  void Encode(std::uint32_t slot, std::string* out) const override;
  Status Decode(std::uint32_t slot, std::string_view in) override;
};

}  // namespace millrace
