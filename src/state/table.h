#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <rocksdb/write_batch.h>

#include "state/disk.h"
#include "state/key_arena.h"
#include "state/keyed_table.h"
#include "state/row_index.h"
#include "state/state_store.h"

namespace millrace {

/// A KeyedTable over the memory index and the disk of its store.
///
/// Invariants, per slice:
///   1. rows_on_disk counts the committed rows, wherever else they are; it changes only by Committed and
///   Reload.
///   2. A used slot is kOnDisk iff a committed row of its key exists and its slice was not closed since the
///   commit.
///   3. A slot that is not dirty is kOnDisk and equals the row on disk.
///   4. rows_on_disk == on_disk_in_memory means that a key not in memory is nowhere: no read is needed.
class Table final : public KeyedTable {
 public:
  using ChangelogVisitor = std::function<Status(const ChangelogEntry&)>;

  /// `rows` and `disk` outlive the table.
  Table(std::string name, SlotRows* rows, Disk* disk);

  // KeyedTable.
  Status Lookup(std::span<const std::int64_t> slices, const KeyColumn& keys,
                std::span<std::uint32_t> slots) override;
  std::optional<std::int64_t> FirstSlice() const override;
  std::vector<std::int64_t> Slices() const override;
  Status CloseSlice(std::int64_t slice, const RowVisitor& visit) override;
  Status Scan(const SliceRowVisitor& visit) override;
  std::int64_t num_rows() const override { return index_.size() + rows_only_on_disk_; }
  std::int64_t memory_bytes() const override;

  // For the store.
  const std::string& name() const { return name_; }
  /// Forgets all rows in memory and reads the counts per slice from disk.
  Status Reload();
  /// Adds what changed to `batch` and shows it to `visit`, keys ascending, a key once.
  Status AppendDirty(const ChangelogVisitor& visit, rocksdb::WriteBatch* batch);
  /// The batch of the last AppendDirty is on disk.
  void Committed();
  /// Memory goes back to what is on disk.
  void Rollback();
  /// Drops up to `rows` clean rows from memory, those not used lately first. Precondition: nothing dirty.
  void Evict(std::int64_t rows);

  bool has_changes() const { return dirty_count_ > 0 || !closed_.empty(); }
  std::int64_t dirty_rows() const { return dirty_count_ + tombstones_; }
  std::int64_t dirty_bytes() const;
  std::int64_t rows_in_memory() const { return index_.size(); }

 private:
  struct SliceRows {
    std::vector<std::uint32_t> slots;  // in memory
    std::vector<std::uint32_t> dirty;  // among them
    KeyArena keys;                     // of the long ones among them
    std::int64_t rows_on_disk = 0;
    std::int64_t on_disk_in_memory = 0;
  };
  // A slice closed since the last commit: the committed keys it had, back to back in key order.
  struct ClosedSlice {
    std::int64_t slice;
    std::int64_t rows_on_disk;
    std::string keys;
    std::vector<std::size_t> key_ends;

    std::string_view Key(std::size_t i) const {
      const std::size_t begin = i == 0 ? 0 : key_ends[i - 1];
      return std::string_view(keys).substr(begin, key_ends[i] - begin);
    }
  };

  std::uint32_t AddRow(std::int64_t slice, std::string_view key, std::uint32_t hash);
  SliceRows& SliceOf(std::int64_t slice);
  void MakeRoom();
  void MarkDirty(std::uint32_t slot);
  Status ResolvePending();
  /// Takes one row out of memory; its slice stays even when empty.
  void Forget(std::uint32_t slot, SliceRows* rows);
  void ForgetChanges();
  void CompactKeys(SliceRows* rows);
  std::string RowKey(std::int64_t slice, std::string_view key) const;
  /// Visits memory and disk of one slice merged in key order; on_disk tells whether the row is committed.
  using MergedVisitor = std::function<Status(std::string_view key, std::uint32_t slot, bool on_disk)>;
  Status VisitSlice(std::int64_t slice, const MergedVisitor& visit);
  std::vector<std::uint32_t> InKeyOrder(const std::vector<std::uint32_t>& slots) const;
  Status AppendSliceChanges(std::int64_t slice, const ClosedSlice* closed, const ChangelogVisitor& visit,
                            rocksdb::WriteBatch* batch, std::int64_t* row_bytes);

  const std::string name_;
  const std::string prefix_;  // of all row keys
  SlotRows* const rows_;
  Disk* const disk_;

  RowIndex index_;
  std::vector<std::uint32_t> position_in_slice_;  // by slot
  std::uint32_t row_capacity_ = 0;                // what rows_ was last resized to
  std::map<std::int64_t, SliceRows> slices_;
  std::int64_t last_slice_ = 0;  // of SliceOf
  SliceRows* last_slice_rows_ = nullptr;
  std::int64_t rows_only_on_disk_ = 0;

  std::int64_t dirty_count_ = 0;
  std::int64_t dirty_key_bytes_ = 0;
  std::vector<ClosedSlice> closed_;
  std::int64_t tombstones_ = 0;
  std::int64_t tombstone_bytes_ = 0;

  std::vector<std::uint32_t> pending_;  // slots to be read from disk in this lookup
  std::uint32_t scratch_slot_ = RowIndex::kNoSlot;
  bool appended_ = false;       // nothing changed since AppendDirty
  std::uint32_t sweep_at_ = 0;  // where Evict goes on
  std::int64_t average_row_bytes_ = 64;
  std::string encoded_;
};

}  // namespace millrace
