#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ops/group_rows.h"

namespace millrace {

/// The groups of a window that has a trigger, stored as those of one that has none, so that a trigger can be
/// added, changed and removed. Beside each group is whether it holds no row yet: such a group is erased
/// before the batch ends, so what is stored holds a row. Owned by one window, used through its KeyedTable.
class TriggeredRows final : public SlotRows {
 public:
  /// `groups` outlives this.
  explicit TriggeredRows(GroupRows* groups) : groups_(*groups) {}

  bool empty(std::uint32_t slot) const { return notes_[slot].empty; }
  void set_empty(std::uint32_t slot, bool empty) { notes_[slot].empty = empty; }
  /// A note of the owner's that means nothing when a batch begins.
  std::uint32_t mark(std::uint32_t slot) const { return notes_[slot].mark; }
  void set_mark(std::uint32_t slot, std::uint32_t mark) { notes_[slot].mark = mark; }

  // SlotRows.
  void Resize(std::uint32_t slots) override;
  void Clear(std::uint32_t slot) override;
  void Encode(std::uint32_t slot, std::string* out) const override { groups_.Encode(slot, out); }
  Status Decode(std::uint32_t slot, std::string_view bytes) override;
  std::int64_t memory_bytes() const override;

 private:
  struct Note {
    std::uint32_t mark = 0;
    bool empty = true;
  };

  GroupRows& groups_;
  std::vector<Note> notes_;
};

}  // namespace millrace
