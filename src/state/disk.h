#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include "base/result.h"
#include "state/restore_run.h"
#include "state/state_store.h"

namespace millrace {

/// The one RocksDB of a state directory: one column family, no write-ahead log. What was written is durable
/// from the next flush on; a crash loses a suffix of the write batches and never part of one. One owner, one
/// thread.
class Disk {
 public:
  /// Errors: kAlreadyExists when the directory is locked, kCorrupt when it does not verify, kIo.
  static Result<std::unique_ptr<Disk>> Open(std::string directory, StateRuntime& runtime);
  /// Errors: kIo.
  static Status SetAside(const std::string& directory);
  /// Flushes; an error is logged.
  ~Disk();

  Status Write(rocksdb::WriteBatch* batch);
  /// Writes a sorted run as a file of its own that becomes visible, and survives a crash, as a whole.
  Status Ingest(const RestoreRun& run);
  /// nullopt when there is no such key.
  Result<std::optional<std::string>> Get(std::string_view key);
  /// Reads `keys` in one call; found(i, value) for those that exist. `value` is valid during the call.
  Status MultiGet(std::span<const rocksdb::Slice> keys,
                  const std::function<Status(std::size_t i, std::string_view value)>& found);
  /// Visits the keys that start with `prefix`, ascending; views are valid during the call.
  Status Scan(const std::string& prefix,
              const std::function<Status(std::string_view key, std::string_view value)>& visit);
  /// Walks the keys that start with a prefix one by one, for merging with memory.
  class Cursor;
  Result<std::unique_ptr<Cursor>> MakeCursor(std::string prefix);

  /// Estimate of the bytes in files below `prefix`; 0 when it cannot be told.
  std::int64_t FileBytes(const std::string& prefix) const;

  /// Starts (wait: does) writing the memtable to a file.
  Status Flush(bool wait);
  /// Removes everything; the directory stays open.
  Status Wipe();

  const std::string& directory() const { return directory_; }
  /// kCorrupt: "state directory D <what it has>", and what becomes of it.
  Status Unverified(const std::string& what_it_has) const;
  /// True once something read from it did not verify: close it, set it aside and rebuild it.
  bool corrupt() const { return corrupt_; }

 private:
  Disk(std::string directory, rocksdb::Options options);
  Status OpenDb();
  Status WriteFile(const RestoreRun& run, const std::string& path);
  /// `status` in our words: what failed, where, and what to do.
  Status Explain(const rocksdb::Status& status, std::string_view doing) const;
  /// `status` of somebody who looked at our bytes; remembers when they did not verify.
  Status Noted(Status status) const;

  const std::string directory_;
  const rocksdb::Options options_;
  rocksdb::WriteOptions write_options_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::PinnableSlice> values_;  // of MultiGet, kept for their memory
  std::vector<rocksdb::Status> statuses_;
  mutable bool corrupt_ = false;  // also found by cursors, which only read
};

/// Position in a scan. Must not outlive its Disk; sees the state at its making.
class Disk::Cursor {
 public:
  bool valid() const { return valid_; }
  /// Without the prefix. Preconditions of both: valid(). Views stay valid until Next.
  std::string_view key() const;
  std::string_view value() const;
  /// Errors: kIo, kCorrupt.
  Status Next();

 private:
  friend class Disk;
  Cursor(const Disk* disk, std::unique_ptr<rocksdb::Iterator> iterator, std::string prefix);
  Status Settle();

  const Disk* disk_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
  const std::string prefix_;
  bool valid_ = false;
};

/// Cache, memtable budget and options that all disks of a process share.
struct StateRuntime::Impl {
  rocksdb::Options options;
  /// What all stores together may keep in memory of restores under way, and what they do.
  std::int64_t restore_bytes_most = 0;
  std::atomic<std::int64_t> restore_bytes{0};
};

}  // namespace millrace
