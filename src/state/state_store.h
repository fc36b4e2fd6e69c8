#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_size.h"
#include "base/duration.h"
#include "base/ids.h"
#include "base/result.h"
#include "env/clock.h"
#include "state/keyed_table.h"
#include "state/row_query.h"

namespace millrace {

/// What all stores of a process share: block cache, write buffer manager, background threads. Thread-safe;
/// outlives every store made from it.
class StateRuntime {
 public:
  /// `memory`: bound for block cache and memtables together.
  static Result<std::unique_ptr<StateRuntime>> Make(ByteCount memory);
  ~StateRuntime();
  StateRuntime(const StateRuntime&) = delete;
  StateRuntime& operator=(const StateRuntime&) = delete;

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  explicit StateRuntime(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// One entry as it goes to a changelog topic: nullopt value = tombstone. Views valid during the call.
struct ChangelogEntry {
  std::string_view table;
  std::string_view key;
  std::optional<std::string_view> value;
};

/// What one table holds now.
struct TableSize {
  std::string table;
  std::int64_t rows = 0;          ///< in memory and on disk, uncommitted ones included
  std::int64_t memory_bytes = 0;  ///< estimate of what is resident
  std::int64_t disk_bytes = 0;    ///< estimate, in files: without what RocksDB has not flushed
};

struct StateStoreOptions {
  /// Directory of this task alone; made when missing, locked while open.
  std::string directory;
  /// "<table>=<row layout>" lines in name order (K4). A store that holds another layout of a table, or a
  /// table that is not named here, is refused; new tables are added.
  std::string layout;
  /// Whose state this is ("<app>/<sub-topology>_<partition>"): a directory copied from elsewhere is kCorrupt.
  std::string identity;
  /// Bound on rows kept in memory by all tables together; clean rows beyond it are evicted after a
  /// checkpoint.
  std::int64_t max_rows_in_memory = 1'000'000;
  /// The same in bytes: a row counts kBytesPerRow (more where its columns are wider), its long key and what
  /// it has aside. Committed rows that wait for the disk take at most a quarter as much.
  static constexpr std::int64_t kBytesPerRow = 256;
  std::int64_t max_bytes_in_memory = 1LL << 30;
  /// SlotRows::set_most_bytes of the rows of all tables.
  std::int64_t max_row_bytes = kMostRowBytes;
  /// KeyedTable::most_key_bytes where rows may take max_row_bytes.
  std::int64_t max_key_bytes = kMostKeyBytes;
  /// A commit this long after the last flush writes and flushes: bounds what a crash makes the restore read
  /// again.
  Duration flush_interval{60'000};
  /// Null: the system's. Outlives the store.
  const Clock* clock = nullptr;
};

/// The state of one task: tables in memory over one RocksDB. One owner, one thread.
///
/// Life: Open -> AddTable* -> (restore: ApplyChangelog* ) -> (table reads and writes -> CollectDirty ->
/// CommitDirty | Rollback)* -> destroy. What CollectDirty visited becomes committed only by CommitDirty.
/// Committed rows go to disk with the changelog offsets, several checkpoints at once, in one WriteBatch in
/// the same column family: after a crash the disk holds exactly what was committed at some checkpoint, and
/// its offset says which.
class StateStore {
 public:
  /// Errors: kAlreadyExists when another process or task holds the directory; kCorrupt when it does not
  /// verify (the caller sets it aside with SetAside and opens anew); user error when the layout differs,
  /// naming the table.
  static Result<std::unique_ptr<StateStore>> Open(const StateStoreOptions& options, StateRuntime& runtime);
  /// Renames a directory that does not verify to "<directory>.corrupt-<n>". Precondition: not open.
  static Status SetAside(const std::string& directory);
  virtual ~StateStore() = default;

  /// Precondition: `name` not yet added, before the first restore or write. `rows` outlives the store.
  virtual Result<KeyedTable*> AddTable(const std::string& name, SlotRows* rows) = 0;

  /// Offset up to which the changelog of `table` is in this store: restore goes on there; nullopt: nothing
  /// is.
  virtual std::optional<Offset> ChangelogOffset(const std::string& table) const = 0;
  /// Marker of the changelog topic ("topic id") that ChangelogOffset belongs to; "" when unknown.
  virtual std::string ChangelogId(const std::string& table) const = 0;
  /// Wall clock of the last commit or restore that is on disk; nullopt: none. Older than half of the
  /// changelog's delete.retention.ms means that tombstones may be gone: wipe and rebuild.
  virtual std::optional<EventTime> LastCommitted() const = 0;
  /// Removes all rows and offsets, in memory and on disk.
  virtual Status Wipe() = 0;
  /// Writes entries read from a changelog straight to disk; `next` is the offset to go on from after them.
  /// Cost: with few entries on many rows a lookup per key, else FinishRestore counts all rows. Precondition:
  /// nothing dirty.
  virtual Status ApplyChangelog(
      const std::string& table, const std::string& changelog_id,
      const std::vector<std::pair<std::string_view, std::optional<std::string_view>>>& entries,
      Offset next) = 0;
  /// Hands over to the disk what ApplyChangelog keeps in memory, so that little is left to do at a close. It
  /// is durable by and by; a crash has it read again.
  virtual Status WriteRestored() = 0;
  /// Ends a restore: flushes, so that a crash need not read the changelog again. More may be applied after.
  virtual Status FinishRestore() = 0;

  /// Visits what changed since the last commit: last value per key, tables in name order, keys ascending.
  virtual Status CollectDirty(const std::function<Status(const ChangelogEntry&)>& visit) = 0;
  /// The transaction committed: keeps what CollectDirty visited, with the new changelog offsets by table.
  virtual Status CommitDirty(const std::map<std::string, Offset>& changelog_offsets) = 0;
  /// The transaction aborted: memory goes back to what is committed.
  virtual Status Rollback() = 0;

  /// Entries changed since the last commit, and their bytes: for commit_bytes.
  virtual std::int64_t dirty_rows() const = 0;
  virtual std::int64_t dirty_bytes() const = 0;
  virtual std::int64_t num_rows() const = 0;
  virtual std::int64_t memory_bytes() const = 0;
  /// By table, in name order. Cost: O(open slices), not O(rows); meant for a few calls per second.
  virtual std::vector<TableSize> Sizes() const = 0;

  /// True once what it read from its disk did not verify: destroy it, SetAside and rebuild.
  virtual bool corrupt() const = 0;

  /// Shows at most `query.limit` rows of `table`, slices and keys ascending; true when there are more.
  /// Cost: one lookup per slice for a whole key, else every row of the slices. Precondition: nothing dirty;
  /// `table` exists.
  virtual Result<bool> Select(const std::string& table, const RowQuery& query,
                              const RowBytesVisitor& visit) = 0;

  /// All committed entries in key order (table, key, value): for verification and dumps.
  virtual Status Dump(const std::function<Status(const ChangelogEntry&)>& visit) = 0;
};

}  // namespace millrace
