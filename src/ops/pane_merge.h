#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ops/group_rows.h"
#include "ops/window_assigner.h"
#include "state/keyed_table.h"

namespace millrace {

/// Merges the panes of overlapping windows per key, each pane twice however many panes a window has.
///
/// Time is cut into blocks as long as a window. A window is the end of one block and the beginning of the
/// next: the panes of the first are kept merged from each pane to the end of its block, those of the second
/// from its beginning to the last pane seen. What is merged with what depends on the panes alone, not on when
/// they were read, so that a result is the same to the last bit after a restart.
///
/// Everything here is derived from the table of panes and made anew after Clear. One owner, one thread.
class PaneMerge {
 public:
  /// `aggregators` are made like those of `panes`; `panes`, `table` and `assigner` outlive this.
  PaneMerge(std::vector<std::unique_ptr<Aggregator>> aggregators, const GroupRows* panes,
            const WindowAssigner* assigner);
  void set_table(KeyedTable* table) { table_ = table; }

  /// Slots given to visitors are of these rows.
  GroupRows& rows() { return rows_; }

  using Visitor = std::function<Status(std::string_view key, std::uint32_t slot)>;
  /// Visits the merged groups of the window that ends at `end_ms`, keys ascending. With `only_last_pane` only
  /// keys that have its last pane. Ends come in ascending order. Cost: per key, not per pane.
  Status VisitWindow(std::int64_t end_ms, bool only_last_pane, const Visitor& visit);
  /// Visits one key of a window, if it has a pane there; reads each pane.
  Status VisitKey(std::int64_t end_ms, std::string_view key, const Visitor& visit);

  /// The pane of this key changed in the table.
  void Touch(std::int64_t pane_ms, std::string_view key) {
    if (pane_ms < read_until_) touched_.emplace(key);
  }
  /// Panes below this were read: later changes must be told by Touch.
  std::int64_t read_until() const { return read_until_; }
  /// About what the merged groups take in memory. Cost: O(aggregates).
  std::int64_t memory_bytes() const;
  /// Forgets everything: the table was rolled back or restored.
  void Clear();

 private:
  static constexpr std::uint32_t kNoSlot = 0xffffffffU;
  struct Tail {
    std::int64_t pane_ms;
    std::uint32_t slot;  // the panes of the block from pane_ms on
  };
  struct Key {
    std::vector<Tail> tails;       // of the block, the last pane first
    std::uint32_t head = kNoSlot;  // the panes of the next block that were read
    bool empty() const { return tails.empty() && head == kNoSlot; }
  };
  using Keys = std::map<std::string, Key, std::less<>>;

  /// Makes tails and heads fit the window [start_ms, end_ms).
  Status Read(std::int64_t start_ms, std::int64_t end_ms);
  Status ReadBlock(std::int64_t block_ms);
  Status ReadTouched();
  /// Adds those of `panes`, ascending, that `name` has: up to the end of the block as tails, the others to
  /// the head. Reads each pane.
  Status PeekPanes(std::string_view name, const std::vector<std::int64_t>& panes, std::int64_t block_ms,
                   Key* key);
  /// The key of that name, made when it is new. `at` is not behind it, and moves there: for names that come
  /// in key order.
  Key* KeyFrom(std::string_view name, Keys::iterator* at);
  /// Adds a pane of `key` before (tails) or after (head) what is there.
  void AddTail(Key* key, std::int64_t pane_ms, std::uint32_t pane_slot);
  void AddHead(Key* key, std::uint32_t pane_slot);
  Status VisitMerged(const Key& key, std::string_view name, std::int64_t start_ms, const Visitor& visit);
  std::vector<std::int64_t> PanesIn(std::int64_t from_ms, std::int64_t until_ms) const;
  std::uint32_t NewSlot();
  void FreeKey(Key* key);

  GroupRows rows_;
  const GroupRows* const panes_;
  const WindowAssigner* const assigner_;
  KeyedTable* table_ = nullptr;

  std::int64_t block_ms_ = 0;                                           // that the tails are of
  std::int64_t read_until_ = std::numeric_limits<std::int64_t>::min();  // lowest: nothing was read
  Keys keys_;
  std::int64_t name_bytes_ = 0;
  std::set<std::string, std::less<>> touched_;
  std::uint32_t slots_ = 0;
  std::uint32_t capacity_ = 0;
  std::vector<std::uint32_t> free_slots_;
  std::uint32_t result_slot_ = kNoSlot;
};

}  // namespace millrace
