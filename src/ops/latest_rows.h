#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ops/row_place.h"
#include "ops/side_values.h"
#include "state/keyed_table.h"

namespace millrace {

/// Rows of the table of `latest`, by slot: a row with its place, or that it was deleted and when. A cleared
/// slot was never written; entries of the expiry index stay so.
class LatestRows final : public SlotRows {
 public:
  enum class State : std::uint8_t { kNone, kRow, kDeleted };

  State state(std::uint32_t slot) const { return heads_[slot].state; }
  const RowPlace& place(std::uint32_t slot) const { return heads_[slot].place; }
  /// As RowBytes wrote them.
  std::string_view bytes(std::uint32_t slot) const { return rows_[slot]; }

  void SetPlace(std::uint32_t slot, const RowPlace& place, State state) { heads_[slot] = {place, state}; }
  void SetBytes(std::uint32_t slot, std::string_view bytes) { rows_.Set(slot, bytes); }

  // SlotRows.
  void Resize(std::uint32_t slots) override;
  void Clear(std::uint32_t slot) override;
  void Encode(std::uint32_t slot, std::string* out) const override;
  Status Decode(std::uint32_t slot, std::string_view bytes) override;
  std::int64_t memory_bytes() const override;

 private:
  struct Head {
    RowPlace place{};
    State state = State::kNone;
  };
  std::vector<Head> heads_;
  SideValues rows_;
};

}  // namespace millrace
