#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace {

/// What a step may keep for one key, unless larger records are allowed: with the key it fits a record of the
/// changelog, as topics and producers take them by default (1,048,400 bytes).
inline constexpr std::int64_t kMostRowBytes = 1'000'000;
/// As long as a key may be then. What is left of the record is for what rows have beside values: counts,
/// sums.
inline constexpr std::int64_t kMostKeyBytes = 24'000;

/// The rows of a KeyedTable: columns owned by an operator and addressed by slot.
class SlotRows {
 public:
  virtual ~SlotRows() = default;
  /// Makes room so that slots [0, slots) exist. Only grows.
  virtual void Resize(std::uint32_t slots) = 0;
  /// Sets `slot` to the row of a key never seen.
  virtual void Clear(std::uint32_t slot) = 0;
  /// Encode of `slot` comes soon.
  virtual void Prefetch(std::uint32_t /*slot*/) const {}
  /// Appends the row's bytes; the same row always gives the same bytes.
  virtual void Encode(std::uint32_t slot, std::string* out) const = 0;
  /// Errors: kCorrupt when the bytes are no row.
  virtual Status Decode(std::uint32_t slot, std::string_view bytes) = 0;
  /// Estimate of resident bytes.
  virtual std::int64_t memory_bytes() const { return 0; }
  /// Those among them that rows take beside their share of the columns, such as texts: what Clear of a slot
  /// gives back. Cost: O(1), whatever the number of rows.
  virtual std::int64_t aside_bytes() const { return 0; }
  /// What one row may take, encoded: more does not go to the changelog, so the operator refuses what would
  /// make it more. Told before the first row.
  virtual void set_most_bytes(std::int64_t bytes) { most_bytes_ = bytes; }
  std::int64_t most_bytes() const { return most_bytes_; }
  /// What no row ever takes more than; where that is little, keys may be longer.
  virtual std::int64_t widest_row_bytes() const { return most_bytes_; }
  /// Why the rows must not be committed: a user's code failed, maybe in Encode.
  virtual Status failure() const { return Status::Ok(); }

 private:
  std::int64_t most_bytes_ = kMostRowBytes;
};

/// Variable-length keys of a batch, one per row: bytes [offsets[i], offsets[i + 1]) of data. Nulls are not
/// allowed.
struct KeyColumn {
  const char* data = nullptr;
  std::span<const std::int32_t> offsets;  ///< num_rows + 1 entries

  std::int64_t num_rows() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
  std::string_view operator[](std::size_t i) const {
    return {data + offsets[i], static_cast<std::size_t>(offsets[i + 1] - offsets[i])};
  }
};

/// (slice, key) -> slot of a row, bounded in memory, kept in the task's StateStore under a name.
///
/// A slice groups keys that expire together: the start of a window slice in ms, or 0 for a table without
/// time. Rows live in the operator's SlotRows; the table knows which slots are used, dirty and clean. Slots
/// are stable from a Lookup until the next Lookup, CloseSlice, checkpoint or rollback; Erase leaves the
/// others alone. One owner, one thread.
class KeyedTable {
 public:
  using RowVisitor = std::function<Status(std::string_view key, std::uint32_t slot)>;
  static constexpr std::uint32_t kNoSlot = 0xffffffffU;
  using SliceRowVisitor = std::function<Status(std::int64_t slice, std::string_view key, std::uint32_t slot)>;

  virtual ~KeyedTable() = default;

  /// As long as a key may be: with its row it is one record of the changelog. The operator refuses rows of
  /// longer ones.
  virtual std::int64_t most_key_bytes() const = 0;

  /// The slot of (slices[i], keys[i]) for every row; unknown keys get a cleared slot; rows only on disk are
  /// read with one MultiGet. All slots returned become dirty. Cost: one hash probe per row, no allocation per
  /// row that hits. Preconditions: slices.size() == keys.num_rows() == slots.size().
  virtual Status Lookup(std::span<const std::int64_t> slices, const KeyColumn& keys,
                        std::span<std::uint32_t> slots) = 0;

  /// As Lookup, but only reads: an unknown key gives kNoSlot and nothing becomes dirty. Slots found stay
  /// valid through further Find calls and the next Lookup.
  virtual Status Find(std::span<const std::int64_t> slices, const KeyColumn& keys,
                      std::span<std::uint32_t> slots) = 0;
  /// Tells that these rows, found before, are changed now: they leave at the next checkpoint. Repeats are
  /// allowed.
  virtual void MarkDirty(std::span<const std::uint32_t> slots) = 0;

  /// The lowest open slice; O(1).
  virtual std::optional<std::int64_t> FirstSlice() const = 0;
  /// The lowest open slice at or above `slice`; O(log open slices).
  virtual std::optional<std::int64_t> NextSlice(std::int64_t slice) const = 0;
  /// Open slices, ascending.
  virtual std::vector<std::int64_t> Slices() const = 0;

  /// Shows one row, if it is there, without making it dirty. `visit` may read the slot during the call only.
  virtual Status Peek(std::int64_t slice, std::string_view key, const RowVisitor& visit) = 0;
  /// Shows every row of `slice` in ascending key byte order. `visit` may read the slot during the call only.
  virtual Status Visit(std::int64_t slice, const RowVisitor& visit) = 0;
  /// Removes a row (a tombstone in the changelog). Precondition: `slot` came from the last Lookup, and is not
  /// read again.
  virtual void Erase(std::uint32_t slot) = 0;

  /// Visits every row of `slice` in ascending key byte order, then removes them (one tombstone per key in the
  /// changelog, one range delete on disk). `visit` may read the slot during the call only.
  virtual Status CloseSlice(std::int64_t slice, const RowVisitor& visit) = 0;

  /// Visits all rows, slices ascending, keys ascending; for dumps and tests.
  virtual Status Scan(const SliceRowVisitor& visit) = 0;

  virtual std::int64_t num_rows() const = 0;
  /// Estimate of resident bytes, the operator's rows included, and what it noted.
  virtual std::int64_t memory_bytes() const = 0;
  /// What the operator holds now that it derived from the table. It counts as what rows take: at a checkpoint
  /// more of them leave memory, down to a quarter of what they may take.
  virtual void NoteDerivedBytes(std::int64_t bytes) = 0;
};

}  // namespace millrace
