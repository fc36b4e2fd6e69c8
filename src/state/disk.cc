#include "state/disk.h"

#include <algorithm>
#include <utility>

#include <rocksdb/env.h>
#include <rocksdb/sst_file_writer.h>

#include "base/log.h"
#include "env/file_access.h"
#include "state/store_key.h"

namespace millrace {
namespace {

// Replaced when a crash has left it.
constexpr const char* kRunFile = "restore.tmp";

rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view ToView(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

rocksdb::ReadOptions ScanOptions() {
  rocksdb::ReadOptions options;
  options.total_order_seek = true;
  options.fill_cache = false;
  options.readahead_size = 1 << 20;
  return options;
}

bool Mentions(const rocksdb::Status& status, std::string_view text) {
  return status.ToString().find(text) != std::string::npos;
}

/// The file of the directory that a message of RocksDB is about ("While open a file for appending: FILE:
/// Permission denied"), or the directory.
std::string PathIn(const std::string& message, const std::string& directory) {
  const std::size_t begin = message.find(directory);
  if (begin == std::string::npos) return directory;
  return message.substr(begin, message.find(": ", begin) - begin);
}

// rocksdb::Env makes one level only.
rocksdb::Status MakeDirectories(const std::string& directory) {
  rocksdb::Env* const env = rocksdb::Env::Default();
  for (std::size_t slash = directory.find('/', 1); slash != std::string::npos;
       slash = directory.find('/', slash + 1)) {
    if (rocksdb::Status status = env->CreateDirIfMissing(directory.substr(0, slash)); !status.ok())
      return status;
  }
  return env->CreateDirIfMissing(directory);
}

}  // namespace

Disk::Disk(std::string directory, rocksdb::Options options)
    : directory_(std::move(directory)), options_(std::move(options)) {
  write_options_.disableWAL = true;
}

Disk::~Disk() {
  if (db_ == nullptr) return;
  Status status = Flush(/*wait=*/true);
  if (const rocksdb::Status closed = db_->Close(); status.ok() && !closed.ok())
    status = Explain(closed, "close");
  if (!status.ok()) {
    Log(LogLevel::kWarning, "state was not flushed at close; the changelog is read again at the next start",
        {{"directory", directory_}, {"error", status}});
  }
}

Result<std::unique_ptr<Disk>> Disk::Open(std::string directory, StateRuntime& runtime) {
  std::unique_ptr<Disk> disk(new Disk(std::move(directory), runtime.impl().options));
  if (const rocksdb::Status made = MakeDirectories(disk->directory_); !made.ok()) {
    return disk->Explain(made, "make");
  }
  MR_RETURN_IF_ERROR(disk->OpenDb());
  return disk;
}

Status Disk::OpenDb() {
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = rocksdb::DB::Open(options_, directory_, &db);
  db_.reset(db);
  if (opened.ok()) return Status::Ok();
  db_.reset();
  if (opened.IsIOError() && (Mentions(opened, "lock hold by") || Mentions(opened, "While lock file"))) {
    return Status::AlreadyExists(
        "state directory " + directory_ +
        " is in use by another process or task; stop it or give this one another state_dir");
  }
  const bool parts_missing =
      opened.IsPathNotFound() || opened.IsNotFound() || Mentions(opened, "No such file");
  if (opened.IsInvalidArgument() || opened.IsNotSupported() || parts_missing) {
    return Unverified("does not verify (" + opened.ToString() + ")");
  }
  return Explain(opened, "open");
}

Status Disk::SetAside(const std::string& directory) {
  rocksdb::Env* const env = rocksdb::Env::Default();
  constexpr int kMaxSetAside = 1000;
  for (int n = 1; n <= kMaxSetAside; ++n) {
    const std::string target = directory + ".corrupt-" + std::to_string(n);
    if (env->FileExists(target).ok()) continue;
    const rocksdb::Status renamed = env->RenameFile(directory, target);
    if (!renamed.ok()) {
      return Status::Io("cannot set aside state directory " + directory + " (" + renamed.ToString() +
                        "); move it away and start again");
    }
    Log(LogLevel::kWarning, "state directory set aside", {{"directory", directory}, {"now", target}});
    return Status::Ok();
  }
  return Status::ResourceExhausted("there are " + std::to_string(kMaxSetAside) + " directories " + directory +
                                   ".corrupt-*; find out why state gets corrupt, then remove them");
}

Status Disk::Explain(const rocksdb::Status& status, std::string_view doing) const {
  if (status.ok()) return Status::Ok();
  const std::string where = "cannot " + std::string(doing) + " state directory " + directory_;
  if (status.IsCorruption()) {
    corrupt_ = true;
    return Unverified("does not verify (" + status.ToString() + ")");
  }
  if (status.IsNoSpace() || Mentions(status, "No space left")) {
    return Status::Io(where + ": the disk is full (" + status.ToString() +
                      "); free space or move state_dir to a larger disk, then start again");
  }
  if (Mentions(status, "Permission denied")) {
    return Status::Io(where + ": no permission (" + status.ToString() + "); " +
                      ExplainRefusedAccess(PathIn(status.ToString(), directory_)));
  }
  if (Mentions(status, "Read-only file system")) {
    return Status::Io(where + ": no permission (" + status.ToString() +
                      "); make it writable for this user or choose another state_dir");
  }
  return Status::Io(where + " (" + status.ToString() +
                    "); check the disk, then start again: what is missing is rebuilt from the changelog");
}

Status Disk::Unverified(const std::string& what_it_has) const {
  return Status::Corrupt("state directory " + directory_ + " " + what_it_has +
                         "; it is set aside and rebuilt from the changelog");
}

Status Disk::Noted(Status status) const {
  corrupt_ = corrupt_ || status.code() == StatusCode::kCorrupt;
  return status;
}

Status Disk::Write(rocksdb::WriteBatch* batch) {
  if (db_ == nullptr) return Status::Io("state directory " + directory_ + " could not be opened again");
  return Explain(db_->Write(write_options_, batch), "write to");
}

Status Disk::Ingest(const RestoreRun& run) {
  if (db_ == nullptr) return Status::Io("state directory " + directory_ + " could not be opened again");
  const std::string path = directory_ + "/" + kRunFile;
  MR_RETURN_IF_ERROR(WriteFile(run, path));
  rocksdb::IngestExternalFileOptions options;
  options.move_files = true;
  return Explain(db_->IngestExternalFile({path}, options), "restore into");
}

Status Disk::WriteFile(const RestoreRun& run, const std::string& path) {
  rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), options_);
  MR_RETURN_IF_ERROR(Explain(writer.Open(path), "restore into"));
  MR_RETURN_IF_ERROR(run.ForEach([&](std::string_view key, std::optional<std::string_view> value) {
    const rocksdb::Status added =
        value ? writer.Put(ToSlice(key), ToSlice(*value)) : writer.Delete(ToSlice(key));
    return added.ok() ? Status::Ok() : Explain(added, "restore into");
  }));
  return Explain(writer.Finish(), "restore into");
}

Result<std::optional<std::string>> Disk::Get(std::string_view key) {
  std::string value;
  const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), ToSlice(key), &value);
  if (status.ok()) return std::optional<std::string>(std::move(value));
  if (status.IsNotFound()) return std::optional<std::string>();
  return Explain(status, "read");
}

Status Disk::MultiGet(std::span<const rocksdb::Slice> keys,
                      const std::function<Status(std::size_t i, std::string_view value)>& found) {
  constexpr std::size_t kChunk = 1024;
  for (std::size_t first = 0; first < keys.size(); first += kChunk) {
    const std::size_t n = std::min(kChunk, keys.size() - first);
    values_.resize(std::max(values_.size(), n));
    statuses_.resize(std::max(statuses_.size(), n));
    db_->MultiGet(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), n, keys.data() + first, values_.data(),
                  statuses_.data());
    for (std::size_t i = 0; i < n; ++i) {
      if (statuses_[i].IsNotFound()) continue;
      if (!statuses_[i].ok()) return Explain(statuses_[i], "read");
      Status status = found(first + i, ToView(values_[i]));
      values_[i].Reset();
      MR_RETURN_IF_ERROR(Noted(std::move(status)));
    }
  }
  return Status::Ok();
}

Status Disk::Scan(const std::string& prefix,
                  const std::function<Status(std::string_view key, std::string_view value)>& visit) {
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(ScanOptions()));
  for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next()) {
    MR_RETURN_IF_ERROR(Noted(visit(ToView(at->key()), ToView(at->value()))));
  }
  return Explain(at->status(), "read");
}

Result<std::unique_ptr<Disk::Cursor>> Disk::MakeCursor(std::string prefix) {
  std::unique_ptr<rocksdb::Iterator> iterator(db_->NewIterator(ScanOptions()));
  iterator->Seek(prefix);
  std::unique_ptr<Cursor> cursor(new Cursor(this, std::move(iterator), std::move(prefix)));
  MR_RETURN_IF_ERROR(cursor->Settle());
  return cursor;
}

Disk::Cursor::Cursor(const Disk* disk, std::unique_ptr<rocksdb::Iterator> iterator, std::string prefix)
    : disk_(disk), iterator_(std::move(iterator)), prefix_(std::move(prefix)) {}

std::string_view Disk::Cursor::key() const { return ToView(iterator_->key()).substr(prefix_.size()); }
std::string_view Disk::Cursor::value() const { return ToView(iterator_->value()); }

Status Disk::Cursor::Next() {
  iterator_->Next();
  return Settle();
}

Status Disk::Cursor::Settle() {
  valid_ = iterator_->Valid() && iterator_->key().starts_with(prefix_);
  if (valid_) return Status::Ok();
  return disk_->Explain(iterator_->status(), "read");
}

std::int64_t Disk::FileBytes(const std::string& prefix) const {
  if (db_ == nullptr) return 0;
  const std::string end = PrefixEnd(prefix);
  const rocksdb::Range range(prefix, end);
  std::uint64_t bytes = 0;
  rocksdb::SizeApproximationOptions options;
  options.include_files = true;
  options.include_memtables = false;
  const rocksdb::Status status =
      db_->GetApproximateSizes(options, db_->DefaultColumnFamily(), &range, 1, &bytes);
  return status.ok() ? static_cast<std::int64_t>(bytes) : 0;
}

Status Disk::Flush(bool wait) {
  rocksdb::FlushOptions options;
  options.wait = wait;
  options.allow_write_stall = true;
  rocksdb::Status status = db_->Flush(options);
  if (status.IsTryAgain()) {  // those before it have not ended: it waits for them
    options.wait = true;
    status = db_->Flush(options);
  }
  return Explain(status, "flush");
}

Status Disk::Wipe() {
  db_.reset();
  if (const rocksdb::Status status = rocksdb::DestroyDB(directory_, options_); !status.ok()) {
    return Explain(status, "empty");
  }
  MR_RETURN_IF_ERROR(OpenDb());
  return Status::Ok();
}

}  // namespace millrace
