#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "base/ids.h"
#include "base/result.h"
#include "connect/file_format.h"

namespace millrace {

/// How far a staging file is committed, and where it is: "<id> <bytes> <place>", "" when there is none.
struct StagingNote {
  std::string id;
  std::int64_t bytes = 0;
  /// "=<folder>", with %XX as EscapePathPart writes it, or "#<hash>" of a folder that is too long for a note.
  std::string place;

  std::string ToText() const;
  /// Errors: kCorrupt for what ToText did not write.
  static Result<StagingNote> Parse(std::string_view text);
  /// `folder`: absolute.
  static std::string PlaceOf(const std::string& folder);
  /// The folder; "" when the note does not say it.
  std::string Folder() const;
};

/// Whose staging files they are.
struct StagingOwner {
  std::string app;
  std::string sink;
  Partition partition{0};
};

/// The format whose files end in `extension`. Errors: user error for one that is not known.
using FileFormats = std::function<Result<std::unique_ptr<FileFormat>>(std::string_view extension)>;

/// How the names of an owner's staging files begin.
std::string StagingPrefix(const StagingOwner& owner);
/// `folder`/_staging/<prefix><id>.arrows
std::string StagingPath(const std::string& folder, const StagingOwner& owner, const std::string& id);

/// `schema` with what publishing needs to know: the last `partition_columns` columns name directories, and
/// the finished files have this extension.
std::shared_ptr<arrow::Schema> StagingSchema(const arrow::Schema& schema, std::size_t partition_columns,
                                             std::string_view extension);

/// Turns what `note` commits into finished files, by nothing but the note and the staging file: the sink may
/// be another one by now, or none. `folder`: the owner's now, which is looked at first; "" when no sink has
/// the owner's name. No effect when that has been done before; the same file names however often, and by
/// however many at once.
///
/// Files are written kFilesAtOnce at a time, so neither open files nor memory grow with the number of
/// directories.
///
/// Errors: user error when the note does not say the folder and it is not `folder`, or when its folder is not
/// there; kCorrupt when the file is shorter than committed; kIo.
Status PublishStaged(const StagingOwner& owner, const StagingNote& note, const std::string& folder,
                     const FileFormats& formats);

}  // namespace millrace
