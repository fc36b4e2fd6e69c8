#include "state/stored_state.h"

#include <cstdarg>
#include <map>
#include <utility>

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>

#include "state/layout.h"
#include "state/store_key.h"

namespace millrace {
namespace {

/// RocksDB would write a log file beside the data.
class SilentLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
};

/// The lock that a process holds on the directory it has open.
class DirectoryLock {
 public:
  DirectoryLock() = default;
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  ~DirectoryLock() {
    if (lock_ != nullptr) rocksdb::Env::Default()->UnlockFile(lock_);
  }
  bool Acquire(const std::string& directory) {
    return rocksdb::Env::Default()->LockFile(directory + "/LOCK", &lock_).ok();
  }

 private:
  rocksdb::FileLock* lock_ = nullptr;
};

class RocksStoredState final : public StoredState {
 public:
  explicit RocksStoredState(std::string directory) : directory_(std::move(directory)) {}

  Status Begin() {
    if (!lock_.Acquire(directory_)) {
      return Status::AlreadyExists("state directory " + directory_ +
                                   " is in use by a running process (or is not writable for this user); stop "
                                   "the process, or look at a copy of the directory");
    }
    rocksdb::Options options;
    options.info_log = std::make_shared<SilentLog>();
    rocksdb::DB* db = nullptr;
    MR_RETURN_IF_ERROR(Explain(rocksdb::DB::OpenForReadOnly(options, directory_, &db)));
    db_.reset(db);
    MR_ASSIGN_OR_RETURN(const std::string identity, Get(ReservedKey(Reserved::kIdentity)));
    if (identity.empty()) return Status::Ok();  // killed before the first flush: there is nothing yet
    identity_ = identity;
    MR_ASSIGN_OR_RETURN(const std::string committed, Get(ReservedKey(Reserved::kCommitted)));
    if (committed.size() >= sizeof(std::int64_t)) last_committed_ = EventTime(ReadInt64(committed));
    MR_ASSIGN_OR_RETURN(const std::string layout, Get(ReservedKey(Reserved::kLayout)));
    for (const auto& [name, rows] : ParseLayout(layout)) {
      Table table{.name = name, .layout = rows, .changelog_offset = std::nullopt, .changelog_id = {}};
      MR_ASSIGN_OR_RETURN(const std::string progress, Get(ReservedKey(Reserved::kOffset, name)));
      if (progress.size() >= sizeof(std::int64_t)) {
        table.changelog_offset = Offset(ReadInt64(progress));
        table.changelog_id = progress.substr(sizeof(std::int64_t));
      }
      tables_.push_back(std::move(table));
    }
    return Status::Ok();
  }

  const std::string& identity() const override { return identity_; }
  std::optional<EventTime> last_committed() const override { return last_committed_; }
  const std::vector<Table>& tables() const override { return tables_; }

  Status Scan(const std::string& table, const RowVisitor& visit) override {
    const std::string prefix = RowPrefix(table);
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(rocksdb::ReadOptions()));
    for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next()) {
      const std::string_view key = std::string_view(at->key().data(), at->key().size()).substr(prefix.size());
      if (key.size() < kSliceBytes) return Status::Corrupt(directory_ + " has a key that is cut short");
      MR_RETURN_IF_ERROR(
          visit(ReadSlice(key), key.substr(kSliceBytes), {at->value().data(), at->value().size()}));
    }
    return Explain(at->status());
  }

 private:
  Result<std::string> Get(const std::string& key) {
    std::string value;
    const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), key, &value);
    if (!status.ok() && !status.IsNotFound()) return Explain(status);
    return value;
  }

  Status Explain(const rocksdb::Status& status) const {
    if (status.ok()) return Status::Ok();
    const std::string what = "cannot read state directory " + directory_ + " (" + status.ToString() + ")";
    return status.IsCorruption()
               ? Status::Corrupt(what + "; it does not verify: state is rebuilt from the changelog")
               : Status::Io(what + "; check the disk and the permissions");
  }

  const std::string directory_;
  DirectoryLock lock_;
  std::unique_ptr<rocksdb::DB> db_;
  std::string identity_;
  std::optional<EventTime> last_committed_;
  std::vector<Table> tables_;
};

}  // namespace

bool StoredState::IsStateDirectory(const std::string& directory) {
  return rocksdb::Env::Default()->FileExists(directory + "/CURRENT").ok();
}

Result<std::unique_ptr<StoredState>> StoredState::Open(const std::string& directory) {
  if (!IsStateDirectory(directory)) return Status::NotFound(directory + " is not a state directory");
  auto state = std::make_unique<RocksStoredState>(directory);
  MR_RETURN_IF_ERROR(state->Begin());
  return std::unique_ptr<StoredState>(std::move(state));
}

}  // namespace millrace
