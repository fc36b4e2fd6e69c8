#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "env/crash_point.h"
#include "state/disk.h"
#include "state/layout.h"
#include "state/restore_run.h"
#include "state/run_counts.h"
#include "state/state_store.h"
#include "state/store_key.h"
#include "state/table.h"

namespace millrace {
namespace {

constexpr std::string_view kFormatVersion = "1";
// Committed rows are kept in memory up to this many bytes before they are written.
constexpr std::int64_t kMaxStagedBytes = 64LL << 20;
// Entries of a restore are kept in memory until they are worth a file: up to kMostRunBytes, or kLeastRunBytes
// when all stores of the process together hold more than they may.
constexpr std::int64_t kMostRunBytes = 64LL << 20;
constexpr std::int64_t kLeastRunBytes = 1LL << 20;
constexpr std::int64_t kLeastIngestedEntries = 10'000;
// Looking a key up costs about as much as counting so many rows.
constexpr std::int64_t kRowsPerLookup = 8;
// A checkpoint that changes nothing is written only this often, to keep LastCommitted young.
constexpr std::int64_t kIdleCommitMs = 3'600'000;

// What is too much, and a tenth of the bound more, so that it does not happen at every checkpoint.
std::int64_t Excess(std::int64_t in_memory, std::int64_t most) {
  return in_memory <= most ? 0 : in_memory - most + most / 10;
}

std::int64_t PartOf(std::int64_t excess, std::int64_t held, std::int64_t of_all) {
  return static_cast<std::int64_t>(
      std::ceil(static_cast<double>(excess) * static_cast<double>(held) / static_cast<double>(of_all)));
}

Status AppendRun(const RestoreRun& run, rocksdb::WriteBatch* batch) {
  return run.ForEach([batch](std::string_view key, std::optional<std::string_view> value) {
    const rocksdb::Slice key_slice(key.data(), key.size());
    if (value) {
      batch->Put(key_slice, rocksdb::Slice(value->data(), value->size()));
    } else {
      batch->Delete(key_slice);
    }
    return Status::Ok();
  });
}

class RocksStateStore final : public StateStore {
 public:
  RocksStateStore(StateStoreOptions options, StateRuntime& runtime, std::unique_ptr<Disk> disk)
      : options_(std::move(options)),
        clock_(options_.clock == nullptr ? &system_clock_ : options_.clock),
        shared_(runtime.impl()),
        disk_(std::move(disk)),
        last_flush_(clock_->Steady()) {}
  ~RocksStateStore() override;

  /// Checks what the directory says about itself, or writes it when the directory is new.
  Status Begin();

  Result<KeyedTable*> AddTable(const std::string& name, SlotRows* rows) override;
  std::optional<Offset> ChangelogOffset(const std::string& table) const override;
  std::string ChangelogId(const std::string& table) const override;
  std::optional<EventTime> LastCommitted() const override { return last_committed_; }
  Status Wipe() override;
  Status ApplyChangelog(
      const std::string& table, const std::string& changelog_id,
      const std::vector<std::pair<std::string_view, std::optional<std::string_view>>>& entries,
      Offset next) override;
  Status WriteRestored() override { return WriteOut(); }
  Status FinishRestore() override;
  Status CollectDirty(const std::function<Status(const ChangelogEntry&)>& visit) override;
  Status CommitDirty(const std::map<std::string, Offset>& changelog_offsets) override;
  Status Rollback() override;
  std::int64_t dirty_rows() const override;
  std::int64_t dirty_bytes() const override;
  std::int64_t num_rows() const override;
  std::int64_t memory_bytes() const override;
  std::vector<TableSize> Sizes() const override;
  bool corrupt() const override { return disk_->corrupt(); }
  Result<bool> Select(const std::string& table, const RowQuery& query,
                      const RowBytesVisitor& visit) override {
    MR_CHECK(dirty_rows() == 0);
    return tables_.at(table)->Select(query, visit);
  }
  Status Dump(const std::function<Status(const ChangelogEntry&)>& visit) override;

 private:
  // How far the changelog of one table is committed.
  struct Progress {
    std::optional<Offset> offset;
    std::string id;
    bool on_disk = true;
  };
  using Tables = std::map<std::string, std::unique_ptr<Table>>;

  Status WriteIdentity();
  const Progress& ProgressOf(const std::string& table) const;
  Status ReadProgress(const std::string& table, Progress* progress);
  static std::string Encoded(const Progress& progress);
  static std::string Encoded(EventTime at);
  Status CountRows();
  /// Writes what is committed and not yet on disk, with the changelog offsets, in one batch.
  Status WriteOut();
  /// WriteOut when much is staged; with a flush when the last one is long ago.
  Status WriteIfDue();
  Status Evict();
  /// Writes what was read from changelogs and waits in memory.
  Status WriteRun();
  void ForgetRun();

  const StateStoreOptions options_;
  const SystemClock system_clock_;
  const Clock* const clock_;
  StateRuntime::Impl& shared_;
  const std::unique_ptr<Disk> disk_;
  Tables tables_;
  std::map<std::string, Progress> progress_;
  std::optional<EventTime> last_committed_;
  std::int64_t committed_on_disk_ms_ = 0;  // last_committed_ there
  std::chrono::nanoseconds last_flush_;
  RestoreRun run_;
  std::int64_t run_bytes_shared_ = 0;  // of run_, as counted in shared_
  bool counted_ = true;                // the row counts on disk are right
  bool restoring_ = false;             // tables do not know yet what is on disk
  bool collected_ = false;             // CollectDirty came to its end
};

Status RocksStateStore::Begin() {
  MR_ASSIGN_OR_RETURN(const std::optional<std::string> format, disk_->Get(ReservedKey(Reserved::kFormat)));
  if (!format) return WriteIdentity();
  if (*format != kFormatVersion)
    return disk_->Unverified("has format " + *format + ", not " + std::string(kFormatVersion));
  MR_ASSIGN_OR_RETURN(const std::optional<std::string> identity,
                      disk_->Get(ReservedKey(Reserved::kIdentity)));
  if (identity.value_or("") != options_.identity) {
    return disk_->Unverified("is the state of '" + identity.value_or("") + "', not of '" + options_.identity +
                             "'");
  }
  MR_ASSIGN_OR_RETURN(const std::optional<std::string> layout, disk_->Get(ReservedKey(Reserved::kLayout)));
  MR_RETURN_IF_ERROR(
      CheckLayout(layout.value_or(""), options_.layout).WithContext("state directory " + disk_->directory()));
  MR_ASSIGN_OR_RETURN(const std::optional<std::string> committed,
                      disk_->Get(ReservedKey(Reserved::kCommitted)));
  if (committed) last_committed_ = EventTime(ReadInt64(*committed));
  committed_on_disk_ms_ = last_committed_ ? last_committed_->value() : 0;
  MR_ASSIGN_OR_RETURN(const std::optional<std::string> counted, disk_->Get(ReservedKey(Reserved::kCounted)));
  if (!counted) MR_RETURN_IF_ERROR(CountRows());  // a restore did not come to its end
  if (layout.value_or("") != options_.layout) return WriteIdentity();
  return Status::Ok();
}

Status RocksStateStore::WriteIdentity() {
  rocksdb::WriteBatch batch;
  batch.Put(ReservedKey(Reserved::kFormat), std::string(kFormatVersion));
  batch.Put(ReservedKey(Reserved::kIdentity), options_.identity);
  batch.Put(ReservedKey(Reserved::kLayout), options_.layout);
  batch.Put(ReservedKey(Reserved::kCounted), "");
  return disk_->Write(&batch);
}

Result<KeyedTable*> RocksStateStore::AddTable(const std::string& name, SlotRows* rows) {
  MR_CHECK(!tables_.contains(name)) << "state table " << name << " is added twice";
  rows->set_most_bytes(options_.max_row_bytes);
  const std::int64_t unused = options_.max_row_bytes - rows->widest_row_bytes();
  Progress progress;
  MR_RETURN_IF_ERROR(ReadProgress(name, &progress));
  auto table = std::make_unique<Table>(name, rows, disk_.get(), options_.max_key_bytes + unused);
  MR_RETURN_IF_ERROR(table->Reload());
  KeyedTable* const added = table.get();
  tables_.emplace(name, std::move(table));
  progress_[name] = std::move(progress);
  return added;
}

// --- Changelog progress ---

Status RocksStateStore::ReadProgress(const std::string& table, Progress* progress) {
  MR_ASSIGN_OR_RETURN(const std::optional<std::string> value,
                      disk_->Get(ReservedKey(Reserved::kOffset, table)));
  if (!value) return Status::Ok();
  if (value->size() < sizeof(std::int64_t)) {
    return disk_->Unverified("has an unreadable changelog offset of table " + table);
  }
  progress->offset = Offset(ReadInt64(*value));
  progress->id = value->substr(sizeof(std::int64_t));
  return Status::Ok();
}

std::string RocksStateStore::Encoded(const Progress& progress) {
  std::string value;
  AppendInt64(progress.offset->value(), &value);
  return value.append(progress.id);
}

std::string RocksStateStore::Encoded(EventTime at) {
  std::string value;
  AppendInt64(at.value(), &value);
  return value;
}

std::optional<Offset> RocksStateStore::ChangelogOffset(const std::string& table) const {
  return ProgressOf(table).offset;
}

std::string RocksStateStore::ChangelogId(const std::string& table) const { return ProgressOf(table).id; }

const RocksStateStore::Progress& RocksStateStore::ProgressOf(const std::string& table) const {
  const auto found = progress_.find(table);
  MR_CHECK(found != progress_.end()) << "no state table " << table;
  return found->second;
}

// --- Restore ---

Status RocksStateStore::Wipe() {
  collected_ = false;
  ForgetRun();
  MR_RETURN_IF_ERROR(disk_->Wipe());
  counted_ = true;
  restoring_ = false;
  last_committed_.reset();
  committed_on_disk_ms_ = 0;
  MR_RETURN_IF_ERROR(WriteIdentity());
  for (auto& [name, table] : tables_) {
    MR_RETURN_IF_ERROR(table->Reload());
    progress_[name] = Progress();
  }
  return Status::Ok();
}

Status RocksStateStore::ApplyChangelog(
    const std::string& table, const std::string& changelog_id,
    const std::vector<std::pair<std::string_view, std::optional<std::string_view>>>& entries, Offset next) {
  Progress& progress = progress_.at(table);
  for (const auto& [name, unchanged] : tables_) {
    MR_CHECK(!unchanged->has_changes())
        << "restore of table " << table << " over uncommitted rows of " << name;
  }
  if (run_.empty()) MR_RETURN_IF_ERROR(WriteOut());
  restoring_ = restoring_ || !entries.empty();
  const std::string prefix = RowPrefix(table);
  for (const auto& [entry_key, value] : entries) {
    if (entry_key.size() < kSliceBytes) {
      return Status::Corrupt("the changelog of table " + table + " before offset " +
                             std::to_string(next.value()) + " has a key of " +
                             std::to_string(entry_key.size()) +
                             " bytes; delete the changelog topic if it is not this pipeline's");
    }
    run_.Add(prefix, entry_key, value);
  }
  shared_.restore_bytes += run_.bytes() - std::exchange(run_bytes_shared_, run_.bytes());
  progress = Progress{.offset = next, .id = changelog_id, .on_disk = false};
  last_committed_ = clock_->Now();
  CrashPoint("during_restore");
  const bool much = run_.bytes() >= kMostRunBytes;
  const bool all_together =
      shared_.restore_bytes > shared_.restore_bytes_most && run_.bytes() >= kLeastRunBytes;
  return much || all_together ? WriteRun() : Status::Ok();
}

// The entries and the offsets that they lead to become durable together.
Status RocksStateStore::WriteRun() {
  if (counted_ && run_.size() * kRowsPerLookup > num_rows()) {
    counted_ = false;
    run_.Add("", ReservedKey(Reserved::kCounted), std::nullopt);
  } else if (counted_) {
    run_.Sort();
    MR_RETURN_IF_ERROR(AddRowCounts(*disk_, &run_));
  }
  for (const auto& [name, progress] : progress_) {
    if (!progress.on_disk) run_.Add("", ReservedKey(Reserved::kOffset, name), Encoded(progress));
  }
  if (last_committed_) run_.Add("", ReservedKey(Reserved::kCommitted), Encoded(*last_committed_));
  run_.Sort();
  if (run_.size() >= kLeastIngestedEntries) {
    MR_RETURN_IF_ERROR(disk_->Ingest(run_));
  } else {
    rocksdb::WriteBatch batch;
    MR_RETURN_IF_ERROR(AppendRun(run_, &batch));
    MR_RETURN_IF_ERROR(disk_->Write(&batch));
  }
  committed_on_disk_ms_ = last_committed_ ? last_committed_->value() : 0;
  for (auto& [name, progress] : progress_) progress.on_disk = true;
  ForgetRun();
  return Status::Ok();
}

void RocksStateStore::ForgetRun() {
  run_.Clear();
  shared_.restore_bytes -= std::exchange(run_bytes_shared_, 0);
}

Status RocksStateStore::FinishRestore() {
  MR_RETURN_IF_ERROR(WriteOut());
  if (!counted_) MR_RETURN_IF_ERROR(CountRows());
  MR_RETURN_IF_ERROR(disk_->Flush(/*wait=*/true));
  last_flush_ = clock_->Steady();
  for (auto& [name, table] : tables_) MR_RETURN_IF_ERROR(table->Reload());
  restoring_ = false;
  return Status::Ok();
}

// Writes the number of rows of every table and slice anew.
Status RocksStateStore::CountRows() {
  rocksdb::WriteBatch batch;
  const std::string all_counts = ReservedKey(Reserved::kCount);
  batch.DeleteRange(all_counts, PrefixEnd(all_counts));
  std::string group;  // what follows the first byte of a row key, up to its slice
  std::int64_t rows = 0;
  const auto put = [&] {
    std::string value;
    AppendInt64(rows, &value);
    if (rows > 0) batch.Put(ReservedKey(Reserved::kCount) + group, value);
  };
  const auto count_row = [&](std::string_view key, std::string_view) -> Status {
    const std::string_view now = RowGroup(key);
    if (now.empty()) return disk_->Unverified("has a row that belongs to no table");
    if (now != group) {
      put();
      group = now;
      rows = 0;
    }
    ++rows;
    return Status::Ok();
  };
  MR_RETURN_IF_ERROR(disk_->Scan(RowPrefix(), count_row));
  put();
  batch.Put(ReservedKey(Reserved::kCounted), "");
  MR_RETURN_IF_ERROR(disk_->Write(&batch));
  counted_ = true;
  return Status::Ok();
}

// --- Checkpoint ---

Status RocksStateStore::CollectDirty(const std::function<Status(const ChangelogEntry&)>& visit) {
  MR_CHECK(!restoring_) << "state directory " << disk_->directory() << ": FinishRestore was not called";
  collected_ = false;
  for (auto& [name, table] : tables_) MR_RETURN_IF_ERROR(table->Collect(visit));
  collected_ = true;
  return Status::Ok();
}

Status RocksStateStore::CommitDirty(const std::map<std::string, Offset>& changelog_offsets) {
  if (!collected_) {
    MR_RETURN_IF_ERROR(CollectDirty([](const ChangelogEntry&) { return Status::Ok(); }));
  }
  for (const auto& [name, offset] : changelog_offsets) {
    MR_CHECK(progress_.contains(name)) << "no state table " << name;
    Progress& progress = progress_[name];
    if (progress.offset == offset) continue;
    progress.offset = offset;
    progress.on_disk = false;
  }
  for (auto& [name, table] : tables_) table->Committed();
  collected_ = false;
  last_committed_ = clock_->Now();
  MR_RETURN_IF_ERROR(WriteIfDue());
  return Evict();
}

Status RocksStateStore::WriteIfDue() {
  std::int64_t staged = 0;
  for (const auto& [name, table] : tables_) staged += table->staged_bytes();
  if (clock_->Steady() - last_flush_ >= options_.flush_interval || CrashPointWanted("rocksdb_write")) {
    last_flush_ = clock_->Steady();
    MR_RETURN_IF_ERROR(WriteOut());
    CrashPoint("rocksdb_write");
    return disk_->Flush(/*wait=*/false);
  }
  return staged > std::min(kMaxStagedBytes, options_.max_bytes_in_memory / 4) ? WriteOut() : Status::Ok();
}

Status RocksStateStore::WriteOut() {
  if (!run_.empty()) return WriteRun();  // restoring: nothing is staged
  rocksdb::WriteBatch batch;
  for (const auto& [name, table] : tables_) table->AppendStaged(&batch);
  for (const auto& [name, progress] : progress_) {
    if (!progress.on_disk) batch.Put(ReservedKey(Reserved::kOffset, name), Encoded(progress));
  }
  const std::int64_t committed_ms = last_committed_ ? last_committed_->value() : 0;
  if (batch.Count() == 0 && committed_ms - committed_on_disk_ms_ < kIdleCommitMs) return Status::Ok();
  if (last_committed_) batch.Put(ReservedKey(Reserved::kCommitted), Encoded(*last_committed_));
  MR_RETURN_IF_ERROR(disk_->Write(&batch));
  committed_on_disk_ms_ = committed_ms;
  for (auto& [name, progress] : progress_) progress.on_disk = true;
  for (auto& [name, table] : tables_) table->StagedWritten();
  return Status::Ok();
}

Status RocksStateStore::Rollback() {
  collected_ = false;
  for (auto& [name, table] : tables_) MR_RETURN_IF_ERROR(table->Rollback());
  return Status::Ok();
}

// Each table gives in proportion to what it holds.
Status RocksStateStore::Evict() {
  std::int64_t rows = 0;
  std::int64_t bytes = 0;
  std::int64_t derived = 0;
  for (const auto& [name, table] : tables_) {
    rows += table->rows_in_memory();
    bytes += table->bytes_in_use();
    derived += table->derived_bytes();
  }
  const std::int64_t most = options_.max_bytes_in_memory;
  const std::int64_t excess_rows = Excess(rows, options_.max_rows_in_memory);
  const std::int64_t excess_bytes = Excess(bytes, most - std::min(derived, most - most / 4));
  if (excess_rows == 0 && excess_bytes == 0) return Status::Ok();
  MR_RETURN_IF_ERROR(WriteOut());
  for (auto& [name, table] : tables_) {
    if (table->rows_in_memory() == 0) continue;
    table->Evict(PartOf(excess_rows, table->rows_in_memory(), rows),
                 PartOf(excess_bytes, table->bytes_in_use(), bytes));
  }
  return Status::Ok();
}

RocksStateStore::~RocksStateStore() {
  if (const Status status = WriteOut(); !status.ok()) {
    Log(LogLevel::kWarning, "state was not written at close; the changelog is read again at the next start",
        {{"directory", disk_->directory()}, {"error", status}});
  }
  ForgetRun();
}

// --- Figures and dumps ---

std::int64_t RocksStateStore::dirty_rows() const {
  std::int64_t rows = 0;
  for (const auto& [name, table] : tables_) rows += table->dirty_rows();
  return rows;
}

std::int64_t RocksStateStore::dirty_bytes() const {
  std::int64_t bytes = 0;
  for (const auto& [name, table] : tables_) bytes += table->dirty_bytes();
  return bytes;
}

std::int64_t RocksStateStore::num_rows() const {
  std::int64_t rows = 0;
  for (const auto& [name, table] : tables_) rows += table->num_rows();
  return rows;
}

std::int64_t RocksStateStore::memory_bytes() const {
  std::int64_t bytes = 0;
  for (const auto& [name, table] : tables_) bytes += table->memory_bytes();
  return bytes;
}

std::vector<TableSize> RocksStateStore::Sizes() const {
  std::vector<TableSize> sizes;
  for (const auto& [name, table] : tables_) {
    sizes.push_back({.table = name,
                     .rows = table->num_rows(),
                     .memory_bytes = table->memory_bytes(),
                     .disk_bytes = disk_->FileBytes(RowPrefix(name))});
  }
  return sizes;
}

Status RocksStateStore::Dump(const std::function<Status(const ChangelogEntry&)>& visit) {
  MR_RETURN_IF_ERROR(WriteOut());
  for (const auto& [name, table] : tables_) {
    const std::string prefix = RowPrefix(name);
    MR_RETURN_IF_ERROR(
        disk_->Scan(prefix, [&, &table_name = name](std::string_view key, std::string_view value) {
          return visit({table_name, key.substr(prefix.size()), value});
        }));
  }
  return Status::Ok();
}

}  // namespace

Result<std::unique_ptr<StateStore>> StateStore::Open(const StateStoreOptions& options,
                                                     StateRuntime& runtime) {
  MR_ASSIGN_OR_RETURN(std::unique_ptr<Disk> disk, Disk::Open(options.directory, runtime));
  auto store = std::make_unique<RocksStateStore>(options, runtime, std::move(disk));
  MR_RETURN_IF_ERROR(store->Begin());
  return std::unique_ptr<StateStore>(std::move(store));
}

Status StateStore::SetAside(const std::string& directory) { return Disk::SetAside(directory); }

}  // namespace millrace
