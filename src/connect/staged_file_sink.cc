#include "connect/staged_file_sink.h"

#include <utility>
#include <vector>

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <arrow/ipc/api.h>

#include "base/check.h"
#include "columnar/arrow_status.h"
#include "connect/hive_partition.h"
#include "connect/staged_publishing.h"
#include "env/file.h"
#include "env/random.h"

namespace millrace {
namespace {

constexpr std::size_t kMaxPathBytes = 4'095;  // PATH_MAX without its end
constexpr std::size_t kMaxNameBytes = 255;
constexpr std::size_t kIdBytes = 60;  // at most, with what stands around it in names of files

/// The staging file that rows are being appended to.
struct OpenStaging {
  std::string id;
  EventTime opened;
  std::shared_ptr<arrow::io::FileOutputStream> file;
  std::shared_ptr<arrow::ipc::RecordBatchWriter> writer;
  bool dirty = false;  // rows were written since the last Prepare
};

class StagedFileSink final : public Sink {
 public:
  StagedFileSink(StagedFileOptions options, std::string folder)
      : options_(std::move(options)),
        owner_{options_.app, options_.sink, options_.partition},
        folder_(std::move(folder)),
        place_(StagingNote::PlaceOf(folder_)),
        staging_(folder_ + "/_staging"),
        prefix_(StagingPrefix(owner_)),
        staging_schema_(StagingSchema(*options_.schema, options_.partition_columns, options_.extension)),
        max_directory_bytes_(kMaxPathBytes - folder_.size() - kMaxNameBytes - 2) {}

  Status Recover(std::string_view note) override {
    MR_RETURN_IF_ERROR(CreateDirectories(staging_));
    MR_ASSIGN_OR_RETURN(const StagingNote committed, StagingNote::Parse(note));
    if (!committed.id.empty()) MR_RETURN_IF_ERROR(PublishNote(committed));
    return DeleteUnreferenced();
  }

  Status Write(const Batch& batch, SinkContext& context) override {
    if (batch.num_rows() == 0) return Status::Ok();
    MR_ASSIGN_OR_RETURN(std::vector<RowError> errors,
                        RowsWithoutDirectory(*batch.data, options_.partition_columns, max_directory_bytes_));
    if (errors.empty()) return Append(*batch.data, context);
    if (context.errors == nullptr) return Status::InvalidArgument(errors.front().message);
    MR_ASSIGN_OR_RETURN(const Batch left, WithoutRows(batch, errors));
    context.errors->insert(context.errors->end(), errors.begin(), errors.end());
    return left.num_rows() == 0 ? Status::Ok() : Append(*left.data, context);
  }

  Status Prepare(SinkContext& /*context*/) override {
    if (!open_) {
      prepared_ = {};
      return Status::Ok();
    }
    const std::string path = PathOf(open_->id);
    if (open_->dirty) {
      MR_RETURN_IF_ERROR(At(path, open_->file->Flush()));
      MR_RETURN_IF_ERROR(SyncFile(path));
      if (committed_.id != open_->id) MR_RETURN_IF_ERROR(SyncDirectory(staging_));
      open_->dirty = false;
    }
    prepared_.id = open_->id;
    prepared_.place = place_;
    MR_ASSIGN_ARROW(prepared_.bytes, open_->file->Tell());
    return Status::Ok();
  }

  std::string Note() const override { return prepared_.ToText(); }
  bool TakesNotes() const override { return true; }

  bool CheckpointDue() const override {
    return open_ && options_.clock->Now().value() - open_->opened.value() >= options_.roll.count();
  }

  Status Commit() override {
    committed_ = prepared_;
    if (!open_ || (committed_.bytes < options_.roll_bytes.value() && !CheckpointDue())) return Status::Ok();
    MR_RETURN_IF_ERROR(CloseFile());
    return PublishNote(committed_);
  }

  Status Rollback() override {
    // The file stays: the next Recover knows from the note how much of it counts.
    return CloseFile();
  }

  Status Publish() override {
    if (!open_) return Status::Ok();
    const std::string id = open_->id;
    MR_RETURN_IF_ERROR(CloseFile());
    return committed_.id == id ? PublishNote(committed_) : RemoveAll(PathOf(id));
  }

  Status Close() override { return Publish(); }

 private:
  std::string PathOf(const std::string& id) const { return StagingPath(folder_, owner_, id); }

  Status Append(const arrow::RecordBatch& rows, SinkContext& context) {
    if (!open_) MR_RETURN_IF_ERROR(OpenFile());
    MR_ASSIGN_ARROW(const std::int64_t before, open_->file->Tell());
    MR_RETURN_IF_ERROR(At(PathOf(open_->id), open_->writer->WriteRecordBatch(rows)));
    MR_ASSIGN_ARROW(const std::int64_t after, open_->file->Tell());
    context.bytes += after - before;
    open_->dirty = true;
    return Status::Ok();
  }

  static Status At(const std::string& path, const arrow::Status& status) {
    if (status.ok()) return Status::Ok();
    return FromArrow(status).WithContext("cannot write " + path);
  }

  Status OpenFile() {
    OpenStaging open;
    open.opened = options_.clock->Now();
    open.id = std::to_string(open.opened.value()) + "-" + RandomId();
    const std::string path = PathOf(open.id);
    MR_ASSIGN_ARROW(open.file, arrow::io::FileOutputStream::Open(path));
    MR_ASSIGN_ARROW(open.writer, arrow::ipc::MakeStreamWriter(open.file, staging_schema_));
    open_ = std::move(open);
    return Status::Ok();
  }

  Status CloseFile() {
    if (!open_) return Status::Ok();
    const std::string path = PathOf(open_->id);
    const arrow::Status closed = open_->file->Close();
    open_.reset();
    return At(path, closed);
  }

  /// No effect when that has been done before.
  Status PublishNote(const StagingNote& note) const {
    return PublishStaged(owner_, note, folder_, options_.formats);
  }

  Status DeleteUnreferenced() const {
    MR_ASSIGN_OR_RETURN(const auto entries, ListDirectory(staging_));
    const std::int64_t oldest_ms = options_.clock->Now().value() - options_.unreferenced_after.count();
    for (const DirectoryEntry& entry : entries) {
      if (!entry.name.starts_with(prefix_)) continue;
      const std::string path = staging_ + "/" + entry.name;
      const Result<EventTime> modified = ModifiedTime(path);
      if (modified.ok() && modified->value() < oldest_ms) MR_RETURN_IF_ERROR(RemoveAll(path));
    }
    return Status::Ok();
  }

  // Constant after construction.
  const StagedFileOptions options_;
  const StagingOwner owner_;
  const std::string folder_;  // of options_.path, absolute
  const std::string place_;   // of notes
  const std::string staging_;
  const std::string prefix_;
  const std::shared_ptr<arrow::Schema> staging_schema_;
  const std::size_t max_directory_bytes_;

  // Owned by the task's worker.
  std::optional<OpenStaging> open_;
  StagingNote prepared_;
  StagingNote committed_;
};

}  // namespace

Result<std::unique_ptr<Sink>> MakeStagedFileSink(StagedFileOptions options) {
  MR_CHECK(options.clock != nullptr && options.schema != nullptr && options.formats != nullptr);
  if (options.path.empty()) return Status::InvalidArgument("sink " + options.sink + " needs a path");
  MR_RETURN_IF_ERROR(WithoutPartitionColumns(*options.schema, options.partition_columns).status());
  MR_ASSIGN_OR_RETURN(std::string folder, AbsolutePath(options.path));
  if (folder.size() > kMaxPathBytes / 2) {
    return Status::InvalidArgument("sink " + options.sink + ": the path " + folder + " has more than " +
                                   std::to_string(kMaxPathBytes / 2) + " bytes; use a shorter one");
  }
  const StagingOwner owner{options.app, options.sink, options.partition};
  if (StagingPrefix(owner).size() + kIdBytes > kMaxNameBytes) {
    return Status::InvalidArgument("the names of pipeline '" + options.app + "' and sink '" + options.sink +
                                   "' are too long for the name of a file; use shorter ones");
  }
  return std::unique_ptr<Sink>(std::make_unique<StagedFileSink>(std::move(options), std::move(folder)));
}

}  // namespace millrace
