#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ops/group_rows.h"

namespace millrace {

/// Stands behind the shape in the layout of a state that has such rows.
inline constexpr std::string_view kClosesByKeyLayout = " closes-by-key";

/// The rows of a window that closes by key: groups, and beside them in a slice of their own, kClocks, the
/// clock of each key, which is its greatest event time. Owned by one window, used through its KeyedTable.
class ClockedRows final : public SlotRows {
 public:
  /// Where the clocks live: above all slices of panes.
  static constexpr std::int64_t kClocks = std::numeric_limits<std::int64_t>::max();
  /// No event that is in a window has this time.
  static constexpr std::int64_t kNoClock = std::numeric_limits<std::int64_t>::max();

  /// `groups` outlives this.
  explicit ClockedRows(GroupRows* groups) : groups_(*groups) {}

  /// kNoClock for a group, and for a clock that was added and not yet set.
  std::int64_t clock_ms(std::uint32_t slot) const { return clocks_[slot].time_ms; }
  void set_clock(std::uint32_t slot, std::int64_t time_ms) { clocks_[slot].time_ms = time_ms; }
  /// A note of the owner's, 0 at first; not part of the state.
  std::uint32_t mark(std::uint32_t slot) const { return clocks_[slot].mark; }
  void set_mark(std::uint32_t slot, std::uint32_t mark) { clocks_[slot].mark = mark; }

  /// What GroupRows encoded, from the bytes of a row; nullopt for a clock.
  static std::optional<std::string_view> GroupOf(std::string_view row);

  // SlotRows.
  void set_most_bytes(std::int64_t bytes) override { groups_.set_most_bytes(bytes); }
  void Resize(std::uint32_t slots) override;
  void Clear(std::uint32_t slot) override;
  void Encode(std::uint32_t slot, std::string* out) const override;
  Status Decode(std::uint32_t slot, std::string_view bytes) override;
  std::int64_t memory_bytes() const override;
  std::int64_t aside_bytes() const override { return groups_.aside_bytes(); }
  Status failure() const override { return groups_.failure(); }

 private:
  struct Clock {
    std::int64_t time_ms = kNoClock;
    std::uint32_t mark = 0;
  };

  GroupRows& groups_;
  std::vector<Clock> clocks_;
};

}  // namespace millrace
