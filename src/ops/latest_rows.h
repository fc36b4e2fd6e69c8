#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ops/headed_rows.h"
#include "ops/row_place.h"

namespace millrace {

enum class LatestState : std::uint8_t { kNone, kRow, kDeleted };

struct LatestHead {
  RowPlace place{};
  LatestState state = LatestState::kNone;
};

/// Rows of the table of `latest`, by slot: a row with its place, or that it was deleted and when. A cleared
/// slot was never written; entries of the expiry index stay so.
class LatestRows final : public HeadedRows<LatestHead> {
 public:
  using State = LatestState;

  State state(std::uint32_t slot) const { return head(slot).state; }
  const RowPlace& place(std::uint32_t slot) const { return head(slot).place; }
  /// As RowBytes wrote them.
  std::string_view bytes(std::uint32_t slot) const { return values()[slot]; }

  void SetPlace(std::uint32_t slot, const RowPlace& place, State state) { head(slot) = {place, state}; }
  void SetBytes(std::uint32_t slot, std::string_view row) { values().Set(slot, row); }

  // SlotRows.
  void Encode(std::uint32_t slot, std::string* out) const override;
  Status Decode(std::uint32_t slot, std::string_view in) override;
};

}  // namespace millrace
