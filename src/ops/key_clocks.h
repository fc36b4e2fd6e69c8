#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "columnar/batch.h"
#include "columnar/key_encoding.h"
#include "ops/clocked_rows.h"
#include "ops/key_slots.h"
#include "ops/rows_to_erase.h"
#include "ops/window_assigner.h"
#include "state/keyed_table.h"

namespace millrace {

/// Tells by the clock of each key which rows of a window that closes by key are late, and which rows close
/// windows of their key. What counts as the watermark of a row (W2) is the greater one of its key's clock and
/// the watermark before it.
///
/// Owned by one window, used on its thread; keeps memory from batch to batch. Cost: one probe of the table
/// per row.
class KeyClocks {
 public:
  /// Both outlive this.
  KeyClocks(const WindowAssigner* assigner, ClockedRows* rows) : assigner_(*assigner), rows_(*rows) {}
  void set_table(KeyedTable* table) { table_ = table; }

  /// A row that moves the clock of its key over the end of a window.
  struct Closing {
    std::int64_t row;
    std::int64_t from_ms;       ///< the clock before it
    std::int64_t until_ms;      ///< and after it
    std::int64_t watermark_ms;  ///< before it
  };
  /// A row whose pane is held by windows that are closed for it and not yet emitted: that has to be done
  /// before it is counted.
  struct Cut {
    std::int64_t row;
    std::int64_t watermark_ms;  ///< before it
  };
  /// What Judge found about a batch. Rows of `late` are numbered as in the batch, the others without these.
  struct Judgement {
    std::vector<std::int32_t> late;
    std::vector<std::int64_t> late_by_ms;
    std::vector<Closing> closings;
    std::vector<Cut> cuts;  ///< where Judge was asked for them
    /// Per row: windows of its key that end by then are closed for it.
    std::vector<std::int64_t> closed_until_ms;
  };
  /// Moves the clocks of the keys by the rows that are not late. `closed_until_ms`: windows that end by then
  /// were emitted for all keys; none: cuts are not needed, because each window counts its rows itself.
  Status Judge(const Batch& batch, const KeyBuffer& keys, std::span<const std::int64_t> panes_ms,
               std::optional<std::int64_t> closed_until_ms);
  /// Of the last batch.
  Judgement& judgement() { return judgement_; }
  const Judgement& judgement() const { return judgement_; }

  /// The clock of a key; the lowest time when it has none.
  Result<std::int64_t> Of(std::string_view key);
  /// Removes the clocks of those keys that lie before a time.
  Status Drop(const KeyBuffer& keys, std::int64_t before_ms);

 private:
  static constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();

  /// One row that is not late.
  struct Row {
    std::int64_t number;
    std::int64_t pane_ms;
    std::int64_t time_ms;
    std::int64_t watermark_ms;
    std::int64_t effective_ms;  // the greater one of watermark and clock
    std::uint32_t clock;        // slot
  };
  void JudgeRow(const Batch& batch, std::size_t row, std::int64_t pane_ms, std::int64_t closes_at_ms);
  void Keep(const Row& row);
  /// Whether windows that hold the row's pane are closed for it and not yet emitted.
  bool NeedsCut(const Row& row) const;
  void Move(const Row& row);
  /// Takes back the clocks that were added for keys all of whose rows are late.
  void EraseUnset();

  const WindowAssigner& assigner_;
  ClockedRows& rows_;
  KeyedTable* table_ = nullptr;

  Judgement judgement_;
  KeySlots clocks_;
  std::vector<std::uint32_t> moved_;
  std::uint32_t part_ = 0;  // number of the part of a batch between two cuts; marks the keys that close in it
  bool cuts_ = false;       // whether Judge was asked for them
  std::int64_t part_closed_until_ms_ = kLowest;
  // The last end of a window that is not after some time seen before.
  std::int64_t last_end_ms_ = 0;
  bool has_last_end_ = false;
  KeySlots found_;
  RowsToErase dropped_;
};

}  // namespace millrace
