#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "ops/row_place.h"
#include "state/keyed_table.h"

namespace millrace {

/// Rows of the table of `expire`, by slot: where the live row of a key stands and when it ends. A cleared
/// slot has none; entries of the schedule stay so.
class ExpireRows final : public SlotRows {
 public:
  bool live(std::uint32_t slot) const { return rows_[slot].live; }
  const RowPlace& place(std::uint32_t slot) const { return rows_[slot].place; }
  /// ExpirySchedule::kNever for a row that stays, and where there is none.
  std::int64_t ends_ms(std::uint32_t slot) const { return rows_[slot].ends_ms; }

  void Set(std::uint32_t slot, const RowPlace& place, std::int64_t ends_ms) {
    rows_[slot] = {.place = place, .ends_ms = ends_ms, .live = true};
  }

  // SlotRows.
  std::int64_t widest_row_bytes() const override { return 1 + sizeof(RowPlace) + sizeof(std::int64_t); }
  void Resize(std::uint32_t slots) override { rows_.resize(slots); }
  void Clear(std::uint32_t slot) override { rows_[slot] = {}; }
  void Encode(std::uint32_t slot, std::string* out) const override;
  Status Decode(std::uint32_t slot, std::string_view in) override;
  std::int64_t memory_bytes() const override {
    return static_cast<std::int64_t>(rows_.capacity() * sizeof(Row));
  }

 private:
  struct Row {
    RowPlace place{};
    std::int64_t ends_ms = std::numeric_limits<std::int64_t>::max();
    bool live = false;
  };
  std::vector<Row> rows_;
};

}  // namespace millrace
