#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/keyed_table.h"

namespace millrace {

/// Stands behind the shape in the layout of a state whose slices are the starts (or numbers) of windows and
/// not panes, or whose rows say whether they are empty.
inline constexpr std::string_view kTriggeredLayout = " each-by-itself";

/// The groups of a window that has a trigger, with whether each holds no row. Owned by one window, used
/// through its KeyedTable.
class TriggeredRows final : public SlotRows {
 public:
  enum class Empty {
    kErased,  ///< the owner erases empty groups before a batch ends, or knows them by itself: what is stored
              ///< is as for a window that has no trigger, so that one can be added, changed and removed
    kStored,  ///< empty groups stay, told by a byte before each row
  };
  /// Rows of the groups, and maybe of others beside them; they outlive this.
  TriggeredRows(SlotRows* rows, Empty empty) : rows_(*rows), stores_empty_(empty == Empty::kStored) {}

  /// Under kStored: what `rows` encoded, from the bytes of a row; nullopt for an empty group and for what is
  /// no group.
  static std::optional<std::string_view> RowOf(std::string_view row);

  bool empty(std::uint32_t slot) const { return notes_[slot].empty; }
  void set_empty(std::uint32_t slot, bool empty) { notes_[slot].empty = empty; }
  /// A note of the owner's that means nothing when a batch begins.
  std::uint32_t mark(std::uint32_t slot) const { return notes_[slot].mark; }
  void set_mark(std::uint32_t slot, std::uint32_t mark) { notes_[slot].mark = mark; }

  // SlotRows.
  void set_most_bytes(std::int64_t bytes) override { rows_.set_most_bytes(bytes); }
  void Resize(std::uint32_t slots) override;
  void Clear(std::uint32_t slot) override;
  void Encode(std::uint32_t slot, std::string* out) const override;
  Status Decode(std::uint32_t slot, std::string_view bytes) override;
  std::int64_t memory_bytes() const override;
  std::int64_t aside_bytes() const override { return rows_.aside_bytes(); }
  Status failure() const override { return rows_.failure(); }

 private:
  struct Note {
    std::uint32_t mark = 0;
    bool empty = true;
  };

  SlotRows& rows_;
  const bool stores_empty_;
  std::vector<Note> notes_;
};

}  // namespace millrace
