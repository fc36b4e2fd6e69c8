#include "connect/staged_publishing.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <arrow/ipc/api.h>
#include <arrow/util/key_value_metadata.h>

#include "base/log.h"
#include "columnar/arrow_status.h"
#include "connect/hive_partition.h"
#include "connect/murmur2.h"
#include "env/file.h"
#include "env/random.h"

namespace millrace {
namespace {

constexpr std::size_t kFilesAtOnce = 256;
constexpr std::size_t kMaxPlaceBytes = 128;  // of a note, which has 200 and goes into 4 KiB with all others
constexpr const char* kExtensionKey = "millrace.extension";
constexpr const char* kPartitionColumnsKey = "millrace.partition_columns";

/// What StagingSchema says, and the schema without it.
struct StagedLayout {
  std::shared_ptr<arrow::Schema> rows;  // without the partition columns
  std::size_t partition_columns = 0;
  std::string extension;
};

Result<StagedLayout> LayoutOf(const arrow::Schema& schema, const std::string& path) {
  StagedLayout layout;
  const auto said = schema.metadata() == nullptr ? nullptr : schema.metadata()->Copy();
  if (said == nullptr || !said->Contains(kExtensionKey) || !said->Contains(kPartitionColumnsKey)) {
    return Status::Corrupt(path + " does not say what file it is to become; was it written by a file sink?");
  }
  MR_ASSIGN_ARROW(layout.extension, said->Get(kExtensionKey));
  MR_ASSIGN_ARROW(const std::string columns, said->Get(kPartitionColumnsKey));
  std::from_chars(columns.data(), columns.data() + columns.size(), layout.partition_columns);
  MR_RETURN_IF_ARROW_ERROR(
      said->DeleteMany({said->FindKey(kExtensionKey), said->FindKey(kPartitionColumnsKey)}));
  MR_ASSIGN_OR_RETURN(const auto rows, WithoutPartitionColumns(schema, layout.partition_columns));
  layout.rows = said->size() == 0 ? rows->RemoveMetadata() : rows->WithMetadata(said);
  return layout;
}

/// Whether a file below `directory` has a name that begins with `prefix`.
bool Contains(const std::string& directory, const std::string& prefix) {
  const auto entries = ListDirectory(directory);
  if (!entries.ok()) return false;
  return std::any_of(entries->begin(), entries->end(), [&](const DirectoryEntry& entry) {
    return entry.is_directory ? Contains(directory + "/" + entry.name, prefix)
                              : entry.name.starts_with(prefix);
  });
}

/// How the names of the finished files of a staging file begin; the extension follows.
std::string FinishedPrefix(const StagingOwner& owner, const std::string& id) {
  return EscapePathPart(owner.sink) + "-" + std::to_string(owner.partition.value()) + "-" + id + ".";
}

/// One staging file on its way to finished files.
class Publication {
 public:
  Publication(const StagingOwner& owner, const StagingNote& note, std::string folder)
      : note_(note),
        folder_(std::move(folder)),
        path_(StagingPath(folder_, owner, note.id)),
        // Temporary names differ among processes that publish the same note at once.
        temporary_(folder_ + "/_staging/" + StagingPrefix(owner) + note.id + "." + RandomId(4) + "."),
        name_(FinishedPrefix(owner, note.id)) {}

  Status Run(const FileFormats& formats) {
    MR_ASSIGN_OR_RETURN(auto reader, OpenReader());
    MR_ASSIGN_OR_RETURN(layout_, LayoutOf(*reader->schema(), path_));
    MR_ASSIGN_OR_RETURN(format_, formats(layout_.extension));
    name_ += layout_.extension;
    DirectoryNumbers numbers(layout_.partition_columns);
    std::vector<std::vector<std::uint32_t>> rows;  // by batch: the directory of each row
    while (true) {
      MR_ASSIGN_OR_RETURN(const auto batch, Next(*reader));
      if (batch == nullptr) break;
      MR_ASSIGN_OR_RETURN(rows.emplace_back(), numbers.Number(*batch));
    }
    const std::size_t directories = numbers.directories().size();
    for (std::size_t first = 0; first < directories; first += kFilesAtOnce) {
      const auto last = static_cast<std::uint32_t>(std::min(directories, first + kFilesAtOnce));
      MR_RETURN_IF_ERROR(WriteGroup(numbers.directories(), rows, static_cast<std::uint32_t>(first), last));
    }
    return Status::Ok();
  }

 private:
  Result<std::shared_ptr<arrow::ipc::RecordBatchStreamReader>> OpenReader() const {
    MR_ASSIGN_ARROW(const auto file, arrow::io::ReadableFile::Open(path_));
    MR_ASSIGN_ARROW(const std::int64_t size, file->GetSize());
    if (size < note_.bytes) {
      return Status::Corrupt(
          path_ + " has " + std::to_string(size) + " bytes but " + std::to_string(note_.bytes) +
          " are committed: the disk lost some; restore the file, or reset the pipeline's offsets");
    }
    MR_ASSIGN_ARROW(const auto stream, arrow::io::RandomAccessFile::GetStream(file, 0, note_.bytes));
    MR_ASSIGN_ARROW(auto reader, arrow::ipc::RecordBatchStreamReader::Open(stream));
    return reader;
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Next(arrow::ipc::RecordBatchStreamReader& reader) const {
    std::shared_ptr<arrow::RecordBatch> batch;
    MR_RETURN_IF_ERROR(FromArrow(reader.ReadNext(&batch)).WithContext("cannot read " + path_));
    return batch;
  }

  std::string Finished(const std::string& directory) const {
    return (directory.empty() ? folder_ : folder_ + "/" + directory) + "/" + name_;
  }

  /// Writes the files of the directories with the numbers `first` up to `last`.
  Status WriteGroup(const std::vector<std::string>& directories,
                    const std::vector<std::vector<std::uint32_t>>& rows, std::uint32_t first,
                    std::uint32_t last) {
    std::vector<std::unique_ptr<FileWriter>> writers(last - first);
    for (std::uint32_t i = first; i < last; ++i) {
      if (PathExists(Finished(directories[i]))) continue;  // whole, and with the same rows
      MR_ASSIGN_OR_RETURN(writers[i - first], format_->Create(Temporary(i), layout_.rows));
    }
    MR_ASSIGN_OR_RETURN(auto reader, OpenReader());
    for (const std::vector<std::uint32_t>& numbers : rows) {
      MR_ASSIGN_OR_RETURN(const auto batch, Next(*reader));
      if (batch == nullptr) return Status::Corrupt(path_ + " became shorter while it was read");
      MR_ASSIGN_OR_RETURN(const auto parts,
                          TakeDirectories(batch, layout_.partition_columns, numbers, {first, last}));
      for (const auto& [number, part] : parts) {
        if (writers[number - first] == nullptr) continue;
        MR_RETURN_IF_ERROR(writers[number - first]->Write(*part));
      }
    }
    for (std::uint32_t i = first; i < last; ++i) {
      if (writers[i - first] == nullptr) continue;
      MR_RETURN_IF_ERROR(writers[i - first]->Finish());
      MR_RETURN_IF_ERROR(SyncFile(Temporary(i)));
      if (!directories[i].empty()) MR_RETURN_IF_ERROR(CreateDirectories(folder_ + "/" + directories[i]));
      MR_RETURN_IF_ERROR(Rename(Temporary(i), Finished(directories[i])));
    }
    return Status::Ok();
  }

  std::string Temporary(std::uint32_t number) const { return temporary_ + std::to_string(number) + ".tmp"; }

  const StagingNote& note_;
  const std::string folder_;
  const std::string path_;
  const std::string temporary_;
  std::string name_;  // of the finished files
  StagedLayout layout_;
  std::unique_ptr<FileFormat> format_;
};

Status PublishIn(const StagingOwner& owner, const StagingNote& note, const std::string& folder,
                 const FileFormats& formats) {
  const std::string path = StagingPath(folder, owner, note.id);
  const Status published = Publication(owner, note, folder).Run(formats);
  // Gone meanwhile: another worker has published the same note and cleaned up.
  if (!published.ok() && !PathExists(path)) return Status::Ok();
  MR_RETURN_IF_ERROR(published);
  return RemoveAll(path);
}

/// Neither folder has the staging file of a committed note. Normally because it was published; else rows are
/// lost, for example when another machine has it on a disk of its own.
Status JudgeUnpublished(const StagingOwner& owner, const StagingNote& note,
                        const std::vector<std::string>& folders, bool place_is_known) {
  for (const std::string& folder : folders) {
    if (Contains(folder, FinishedPrefix(owner, note.id))) return Status::Ok();
  }
  const std::string rows = "rows of the file sink '" + owner.sink + "' of partition " +
                           std::to_string(owner.partition.value()) +
                           " are committed but were not published: ";
  if (!place_is_known) {
    return Status::InvalidArgument(
        rows +
        "their folder is another one than now; start once with the pipeline file as it was, or with a "
        "sink of that name and its folder of then");
  }
  const std::string& folder = folders.back();
  if (!PathExists(folder)) {
    return Status::InvalidArgument(rows + "their folder " + folder +
                                   " is not there; make it reachable, or, to give them up, make it empty: "
                                   "mkdir -p " +
                                   folder);
  }
  Log(LogLevel::kWarning,
      "a committed staging file and its finished file are both gone: if nobody moved them, its rows are "
      "lost; "
      "every worker must reach the same path",
      {{"sink", owner.sink}, {"file", StagingPath(folder, owner, note.id)}});
  return Status::Ok();
}

}  // namespace

std::string StagingNote::ToText() const {
  return id.empty() ? "" : id + " " + std::to_string(bytes) + " " + place;
}

Result<StagingNote> StagingNote::Parse(std::string_view text) {
  StagingNote note;
  if (text.empty()) return note;
  const std::size_t first = text.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : text.find(' ', first + 1);
  if (second != std::string_view::npos && first > 0) {
    note.id = text.substr(0, first);
    note.place = text.substr(second + 1);
    const char* end = text.data() + second;
    const auto [at, error] = std::from_chars(text.data() + first + 1, end, note.bytes);
    const bool placed = note.place.size() > 1 && (note.place[0] == '=' || note.place[0] == '#');
    if (error == std::errc() && at == end && note.bytes > 0 && placed) return note;
  }
  return Status::Corrupt("the committed note '" + std::string(text) +
                         "' was not written by a file sink; reset the pipeline's offsets");
}

std::string StagingNote::PlaceOf(const std::string& folder) {
  std::string place = "=" + EscapePathPart(folder, "/.");
  if (place.size() <= kMaxPlaceBytes) return place;
  std::array<char, 10> hash{};
  std::snprintf(hash.data(), hash.size(), "#%08x", Murmur2(folder));
  return hash.data();
}

std::string StagingNote::Folder() const {
  return place.starts_with('=') ? UnescapePathPart(std::string_view(place).substr(1)) : "";
}

std::string StagingPrefix(const StagingOwner& owner) {
  return EscapePathPart(owner.app) + "." + EscapePathPart(owner.sink) + "." +
         std::to_string(owner.partition.value()) + ".";
}

std::string StagingPath(const std::string& folder, const StagingOwner& owner, const std::string& id) {
  return folder + "/_staging/" + StagingPrefix(owner) + id + ".arrows";
}

std::shared_ptr<arrow::Schema> StagingSchema(const arrow::Schema& schema, std::size_t partition_columns,
                                             std::string_view extension) {
  auto said = schema.metadata() == nullptr ? arrow::key_value_metadata({}, {}) : schema.metadata()->Copy();
  said->Append(kExtensionKey, std::string(extension));
  said->Append(kPartitionColumnsKey, std::to_string(partition_columns));
  return schema.WithMetadata(std::move(said));
}

Status PublishStaged(const StagingOwner& owner, const StagingNote& note, const std::string& folder,
                     const FileFormats& formats) {
  std::vector<std::string> folders;
  if (!folder.empty()) folders.push_back(folder);
  const std::string noted = note.Folder();
  if (!noted.empty() && noted != folder) folders.push_back(noted);
  for (const std::string& candidate : folders) {
    if (PathExists(StagingPath(candidate, owner, note.id))) return PublishIn(owner, note, candidate, formats);
  }
  const bool place_is_known = !noted.empty() || note.place == StagingNote::PlaceOf(folder);
  return JudgeUnpublished(owner, note, folders, place_is_known);
}

}  // namespace millrace
