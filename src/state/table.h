#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <rocksdb/write_batch.h>

#include "state/byte_arena.h"
#include "state/disk.h"
#include "state/keyed_table.h"
#include "state/row_index.h"
#include "state/staged_rows.h"
#include "state/state_store.h"

namespace millrace {

/// A KeyedTable over the memory index and the disk of its store.
///
/// A row goes through: dirty (changed since the commit) -> staged (committed, its bytes kept in memory) -> on
/// disk. Without a write-ahead log nothing is lost by staging: what RocksDB has not flushed would not survive
/// either.
///
/// Invariants, per slice:
///   1. rows_on_disk counts the rows that are on disk and alive, wherever else they are.
///   2. on_disk_in_memory counts the slots that are kOnDisk; when both are equal, a key that is not in memory
///      is nowhere, and no read is needed.
///   3. A slot that is not dirty holds the committed row; it is kStaged when the disk has not got that
///      version.
///   4. A slot that is dirty or staged is not evicted.
///   5. A slot that is kErased holds no row. It stays in the index until its tombstone is committed and its
///      row is off the disk; a Lookup of its key brings it back as a row never seen. It is dirty, or staged
///      with kStagedErased.
class Table final : public KeyedTable {
 public:
  using ChangelogVisitor = std::function<Status(const ChangelogEntry&)>;

  /// `disk` outlives the table, `rows` all calls but the destructor and those of writing out.
  Table(std::string name, SlotRows* rows, Disk* disk, std::int64_t most_key_bytes);

  // KeyedTable.
  std::int64_t most_key_bytes() const override { return most_key_bytes_; }
  Status Lookup(std::span<const std::int64_t> slices, const KeyColumn& keys,
                std::span<std::uint32_t> slots) override;
  Status Find(std::span<const std::int64_t> slices, const KeyColumn& keys,
              std::span<std::uint32_t> slots) override;
  void MarkDirty(std::span<const std::uint32_t> slots) override;
  std::optional<std::int64_t> FirstSlice() const override;
  std::optional<std::int64_t> NextSlice(std::int64_t slice) const override;
  std::vector<std::int64_t> Slices() const override;
  Status Peek(std::int64_t slice, std::string_view key, const RowVisitor& visit) override;
  Status Visit(std::int64_t slice, const RowVisitor& visit) override;
  void Erase(std::uint32_t slot) override;
  Status CloseSlice(std::int64_t slice, const RowVisitor& visit) override;
  Status Scan(const SliceRowVisitor& visit) override;
  std::int64_t num_rows() const override { return index_.size() - erased_count_ + rows_only_on_disk_; }
  std::int64_t memory_bytes() const override;
  void NoteDerivedBytes(std::int64_t bytes) override { derived_bytes_ = bytes; }
  std::int64_t derived_bytes() const { return derived_bytes_; }

  /// StateStore::Select.
  Result<bool> Select(const RowQuery& query, const RowBytesVisitor& visit);

  // The checkpoint, for the store (table_checkpoint.cc).

  const std::string& name() const { return name_; }
  /// Forgets all rows in memory and reads the counts per slice from disk.
  Status Reload();
  /// Shows what changed since the commit to `visit`, keys ascending, a key once, and keeps it for Committed.
  Status Collect(const ChangelogVisitor& visit);
  /// What the last Collect showed is committed: it becomes staged.
  void Committed();
  /// Memory goes back to what is committed. Errors: kCorrupt when a row does not read back.
  Status Rollback();
  /// Adds what is staged to `batch`.
  void AppendStaged(rocksdb::WriteBatch* batch) const;
  /// The batch of the last AppendStaged was written.
  void StagedWritten();
  /// Drops rows from memory, those not used lately first, until `rows` are gone or as many as take `bytes` of
  /// bytes_in_use(), whichever comes last. Precondition: nothing dirty or staged.
  void Evict(std::int64_t rows, std::int64_t bytes);

  bool has_changes() const { return dirty_count_ > 0 || !closed_.empty(); }
  std::int64_t dirty_rows() const { return dirty_count_ + tombstones_; }
  std::int64_t dirty_bytes() const;
  std::int64_t staged_bytes() const { return staged_.bytes(); }
  std::int64_t rows_in_memory() const { return index_.size(); }
  /// What StateStoreOptions::max_bytes_in_memory bounds. Cost: O(open slices).
  std::int64_t bytes_in_use() const;

 private:
  struct SliceRows {
    std::vector<std::uint32_t> slots;   // in memory
    std::vector<std::uint32_t> dirty;   // among them
    std::vector<std::uint32_t> staged;  // among them
    ByteArena keys;                     // of the long ones among them
    std::int64_t rows_on_disk = 0;
    std::int64_t on_disk_in_memory = 0;

    std::int64_t only_on_disk() const { return rows_on_disk - on_disk_in_memory; }
  };
  // A slice closed since the commit. Its slots are unlinked but not yet free, so that Rollback can have them
  // back.
  struct ClosedSlice {
    std::int64_t slice;
    SliceRows rows;
    // Committed keys in key order: a slot, or kNoSlot for the next of keys_on_disk.
    std::vector<std::uint32_t> committed;
    std::string keys_on_disk;
    std::vector<std::size_t> key_ends;

    std::string_view KeyOnDisk(std::size_t i) const {
      const std::size_t begin = i == 0 ? 0 : key_ends[i - 1];
      return std::string_view(keys_on_disk).substr(begin, key_ends[i] - begin);
    }
  };
  // A row shown by Collect, its bytes in collected_rows_; none when it was erased.
  struct Collected {
    std::uint32_t slot;
    bool erased;
    std::string_view row;
  };

  std::uint32_t AddRow(std::int64_t slice, std::string_view key, std::uint32_t hash);
  SliceRows& SliceOf(std::int64_t slice);
  void MakeRoom();
  void MarkDirty(std::uint32_t slot);
  /// Errors say where the bytes came from.
  Status DecodeFromDisk(std::uint32_t slot, std::string_view bytes);
  Status ResolvePending();
  /// ResolvePending for Find: keys that are not on disk either are forgotten again.
  Status ResolveFound(std::span<std::uint32_t> slots);
  /// Takes one row out of memory; its slice stays even when empty.
  void Forget(std::uint32_t slot, SliceRows* rows);
  void CompactKeys(SliceRows* rows);
  /// What a row counts without what it has aside and its long key.
  std::int64_t bytes_per_row() const;
  /// Gives back what the rows in these slots, which are given up, have aside.
  void ClearAside(const std::vector<std::uint32_t>& slots);
  std::string RowKey(std::int64_t slice, std::string_view key) const;
  /// Visits memory and disk of one slice merged in key order, erased slots in memory too.
  Status VisitSlice(std::int64_t slice, const RowVisitor& visit);
  void Revive(std::uint32_t slot);
  /// Takes the rows of a slice that closes out of the index and the figures; their slots are not free yet.
  void UnlinkRows(const SliceRows& rows);
  void ReserveScratchSlot();
  /// The last commit had a row there.
  bool IsCommitted(std::uint32_t slot) const {
    const std::uint32_t flags = index_.flags(slot);
    if ((flags & RowIndex::kStaged) != 0) return (flags & RowIndex::kStagedErased) == 0;
    return (flags & RowIndex::kOnDisk) != 0;
  }
  bool erased(std::uint32_t slot) const { return (index_.flags(slot) & RowIndex::kErased) != 0; }
  /// A slot that Find got from the index: its row is used now; kNoSlot when it is erased.
  std::uint32_t ReadInMemory(std::uint32_t slot) {
    if (erased(slot)) return kNoSlot;
    index_.flags(slot) |= RowIndex::kReferenced;
    return slot;
  }

  Status CollectSlice(std::int64_t slice, const ClosedSlice* closed, const ChangelogVisitor& visit);
  Status RollBackRows(SliceRows* rows);
  void AppendStagedSlice(std::int64_t slice, const SliceRows& rows, rocksdb::WriteBatch* batch,
                         std::map<std::int64_t, std::int64_t>* counts) const;
  /// StagedWritten for one slice; the slots of one that is not open are not in the index.
  void SliceWritten(SliceRows* rows, bool open);
  void ForgetChanges();
  void DropEmptySlices();

  const std::string name_;
  const std::string prefix_;  // of all row keys
  SlotRows* const rows_;
  Disk* const disk_;
  const std::int64_t most_key_bytes_;

  RowIndex index_;
  std::vector<std::uint32_t> position_in_slice_;  // by slot
  std::uint32_t row_capacity_ = 0;                // what rows_ was last resized to
  std::map<std::int64_t, SliceRows> slices_;
  std::int64_t last_slice_ = 0;  // of SliceOf
  SliceRows* last_slice_rows_ = nullptr;
  std::int64_t rows_only_on_disk_ = 0;
  std::int64_t erased_count_ = 0;  // slots that are kErased

  std::int64_t dirty_count_ = 0;
  std::int64_t dirty_key_bytes_ = 0;
  std::vector<ClosedSlice> closed_;  // a slice at most once: what comes back was never committed
  std::int64_t tombstones_ = 0;
  std::int64_t tombstone_bytes_ = 0;

  bool collected_whole_ = false;  // nothing changed since Collect
  std::vector<Collected> collected_;
  ByteArena collected_rows_;
  StagedRows staged_;
  std::set<std::int64_t> staged_closes_;  // slices with rows on disk, closed and committed

  std::vector<std::uint32_t> pending_;  // slots to be read from disk in this lookup
  std::uint32_t scratch_slot_ = RowIndex::kNoSlot;
  std::uint32_t sweep_at_ = 0;  // where Evict goes on
  std::int64_t average_row_bytes_ = 64;
  std::int64_t derived_bytes_ = 0;
};

}  // namespace millrace
