#include "connect/staged_file_sink.h"

#include <charconv>
#include <map>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <arrow/ipc/api.h>

#include "base/check.h"
#include "base/log.h"
#include "columnar/arrow_status.h"
#include "connect/hive_partition.h"
#include "env/file.h"
#include "env/random.h"

namespace millrace {
namespace {

constexpr std::size_t kMaxOpenFiles = 512;

/// How far a staging file is committed: "<id> <bytes>", "" when there is none.
struct StagingNote {
  std::string id;
  std::int64_t bytes = 0;

  std::string ToText() const { return id.empty() ? "" : id + " " + std::to_string(bytes); }
  static Result<StagingNote> Parse(std::string_view text) {
    StagingNote note;
    if (text.empty()) return note;
    const std::size_t space = text.find(' ');
    const char* end = text.data() + text.size();
    if (space != std::string_view::npos && space > 0) {
      note.id = text.substr(0, space);
      const auto [at, error] = std::from_chars(text.data() + space + 1, end, note.bytes);
      if (error == std::errc() && at == end && note.bytes > 0) return note;
    }
    return Status::Corrupt("the committed note '" + std::string(text) +
                           "' was not written by a file sink; reset the pipeline's offsets");
  }
};

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
  StagedFileSink(StagedFileOptions options, std::unique_ptr<FileFormat> format,
                 std::shared_ptr<arrow::Schema> file_schema)
      : options_(std::move(options)),
        format_(std::move(format)),
        file_schema_(std::move(file_schema)),
        staging_(options_.path + "/_staging"),
        prefix_(EscapePathPart(options_.app) + "." + EscapePathPart(options_.sink) + "." +
                std::to_string(options_.partition.value()) + ".") {}

  Status Recover(std::string_view note) override {
    MR_RETURN_IF_ERROR(CreateDirectories(staging_));
    MR_ASSIGN_OR_RETURN(const StagingNote committed, StagingNote::Parse(note));
    if (!committed.id.empty()) MR_RETURN_IF_ERROR(Publish(committed));
    return DeleteUnreferenced();
  }

  Status Write(const Batch& batch, SinkContext& context) override {
    if (batch.num_rows() == 0) return Status::Ok();
    if (!open_) MR_RETURN_IF_ERROR(OpenFile());
    MR_ASSIGN_ARROW(const std::int64_t before, open_->file->Tell());
    MR_RETURN_IF_ERROR(At(StagingPath(open_->id), open_->writer->WriteRecordBatch(*batch.data)));
    MR_ASSIGN_ARROW(const std::int64_t after, open_->file->Tell());
    context.bytes += after - before;
    open_->dirty = true;
    return Status::Ok();
  }

  Status Prepare(SinkContext& /*context*/) override {
    if (!open_) {
      prepared_ = {};
      return Status::Ok();
    }
    const std::string path = StagingPath(open_->id);
    if (open_->dirty) {
      MR_RETURN_IF_ERROR(At(path, open_->file->Flush()));
      MR_RETURN_IF_ERROR(SyncFile(path));
      if (committed_.id != open_->id) MR_RETURN_IF_ERROR(SyncDirectory(staging_));
      open_->dirty = false;
    }
    prepared_.id = open_->id;
    MR_ASSIGN_ARROW(prepared_.bytes, open_->file->Tell());
    return Status::Ok();
  }

  std::string Note() const override { return prepared_.ToText(); }

  bool CheckpointDue() const override {
    return open_ && options_.clock->Now().value() - open_->opened.value() >= options_.roll.count();
  }

  Status Commit() override {
    committed_ = prepared_;
    if (!open_ || (committed_.bytes < options_.roll_bytes.value() && !CheckpointDue())) return Status::Ok();
    MR_RETURN_IF_ERROR(CloseFile());
    return Publish(committed_);
  }

  Status Rollback() override {
    // The file stays: the next Recover knows from the note how much of it counts.
    return CloseFile();
  }

  Status Close() override {
    if (!open_) return Status::Ok();
    const std::string id = open_->id;
    MR_RETURN_IF_ERROR(CloseFile());
    return committed_.id == id ? Publish(committed_) : RemoveAll(StagingPath(id));
  }

 private:
  std::string StagingPath(const std::string& id) const { return staging_ + "/" + prefix_ + id + ".arrows"; }
  std::string FinishedName(const std::string& id) const {
    return EscapePathPart(options_.sink) + "-" + std::to_string(options_.partition.value()) + "-" + id + "." +
           std::string(format_->extension());
  }

  static Status At(const std::string& path, const arrow::Status& status) {
    if (status.ok()) return Status::Ok();
    return FromArrow(status).WithContext("cannot write " + path);
  }

  Status OpenFile() {
    OpenStaging open;
    open.opened = options_.clock->Now();
    open.id = std::to_string(open.opened.value()) + "-" + RandomId();
    const std::string path = StagingPath(open.id);
    MR_ASSIGN_ARROW(open.file, arrow::io::FileOutputStream::Open(path));
    MR_ASSIGN_ARROW(open.writer, arrow::ipc::MakeStreamWriter(open.file, options_.schema));
    open_ = std::move(open);
    return Status::Ok();
  }

  Status CloseFile() {
    if (!open_) return Status::Ok();
    const std::string path = StagingPath(open_->id);
    const arrow::Status closed = open_->file->Close();
    open_.reset();
    return At(path, closed);
  }

  /// Turns the committed part of a staging file into finished files. No effect when that has been done
  /// before.
  Status Publish(const StagingNote& note) {
    const std::string path = StagingPath(note.id);
    if (!PathExists(path)) {
      WarnWhenUnpublished(note.id, path);
      return Status::Ok();
    }
    const Status published = WriteFinished(note, path);
    // Gone meanwhile: another worker has published the same note and cleaned up.
    if (!published.ok() && !PathExists(path)) return Status::Ok();
    MR_RETURN_IF_ERROR(published);
    return RemoveAll(path);
  }

  Status WriteFinished(const StagingNote& note, const std::string& path) {
    MR_ASSIGN_ARROW(const auto file, arrow::io::ReadableFile::Open(path));
    MR_ASSIGN_ARROW(const std::int64_t size, file->GetSize());
    if (size < note.bytes) {
      return Status::Corrupt(
          path + " has " + std::to_string(size) + " bytes but " + std::to_string(note.bytes) +
          " are committed: the disk lost some; restore the file, or reset the pipeline's offsets");
    }
    MR_ASSIGN_ARROW(const auto stream, arrow::io::RandomAccessFile::GetStream(file, 0, note.bytes));
    MR_ASSIGN_ARROW(const auto reader, arrow::ipc::RecordBatchStreamReader::Open(stream));
    // Temporary names differ among processes that publish the same note at once.
    const std::string temporary = staging_ + "/" + prefix_ + note.id + "." + RandomId(4) + ".";
    std::map<std::string, Finished> files;  // by directory
    while (true) {
      std::shared_ptr<arrow::RecordBatch> batch;
      MR_RETURN_IF_ERROR(FromArrow(reader->ReadNext(&batch)).WithContext("cannot read " + path));
      if (batch == nullptr) break;
      MR_RETURN_IF_ERROR(AppendTo(files, batch, temporary));
    }
    for (auto& [directory, finished] : files) {
      MR_RETURN_IF_ERROR(finished.writer->Finish());
      MR_RETURN_IF_ERROR(SyncFile(finished.temporary));
    }
    for (const auto& [directory, finished] : files) {
      const std::string to = directory.empty() ? options_.path : options_.path + "/" + directory;
      MR_RETURN_IF_ERROR(CreateDirectories(to));
      MR_RETURN_IF_ERROR(Rename(finished.temporary, to + "/" + FinishedName(note.id)));
    }
    return Status::Ok();
  }

  struct Finished {
    std::string temporary;
    std::unique_ptr<FileWriter> writer;
  };

  Status AppendTo(std::map<std::string, Finished>& files, const std::shared_ptr<arrow::RecordBatch>& batch,
                  const std::string& temporary) const {
    MR_ASSIGN_OR_RETURN(const auto parts, SplitByPartition(batch, options_.partition_columns));
    for (const PartitionedRows& part : parts) {
      const auto [it, added] = files.try_emplace(part.directory);
      if (added) {
        if (files.size() > kMaxOpenFiles) {
          return Status::ResourceExhausted(
              "sink " + options_.sink + ": partition_by gives more than " + std::to_string(kMaxOpenFiles) +
              " directories in one file roll; use fewer values or a shorter roll");
        }
        it->second.temporary = temporary + std::to_string(files.size()) + ".tmp";
        MR_ASSIGN_OR_RETURN(it->second.writer, format_->Create(it->second.temporary, file_schema_));
      }
      MR_RETURN_IF_ERROR(it->second.writer->Write(*part.rows));
    }
    return Status::Ok();
  }

  /// The staging file of a committed note is gone. Normally because it was published; else rows are lost, for
  /// example when another machine has it on a disk of its own.
  void WarnWhenUnpublished(const std::string& id, const std::string& path) const {
    if (Contains(options_.path, FinishedName(id))) return;
    Log(LogLevel::kWarning,
        "a committed staging file and its finished file are both gone: if nobody moved them, its rows are "
        "lost; every "
        "worker must reach the same path",
        {{"sink", options_.sink}, {"file", path}});
  }

  static bool Contains(const std::string& directory, const std::string& name) {
    const auto entries = ListDirectory(directory);
    if (!entries.ok()) return false;
    for (const DirectoryEntry& entry : *entries) {
      if (entry.is_directory ? Contains(directory + "/" + entry.name, name) : entry.name == name) return true;
    }
    return false;
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
  const std::unique_ptr<FileFormat> format_;
  const std::shared_ptr<arrow::Schema> file_schema_;
  const std::string staging_;
  const std::string prefix_;

  // Owned by the task's worker.
  std::optional<OpenStaging> open_;
  StagingNote prepared_;
  StagingNote committed_;
};

}  // namespace

Result<std::unique_ptr<Sink>> MakeStagedFileSink(StagedFileOptions options,
                                                 std::unique_ptr<FileFormat> format) {
  MR_CHECK(options.clock != nullptr && options.schema != nullptr && format != nullptr);
  if (options.path.empty()) return Status::InvalidArgument("sink " + options.sink + " needs a path");
  MR_ASSIGN_OR_RETURN(auto file_schema, WithoutPartitionColumns(*options.schema, options.partition_columns));
  return std::unique_ptr<Sink>(
      std::make_unique<StagedFileSink>(std::move(options), std::move(format), std::move(file_schema)));
}

}  // namespace millrace
