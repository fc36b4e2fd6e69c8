#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "base/byte_size.h"
#include "base/duration.h"
#include "base/ids.h"
#include "base/result.h"
#include "connect/sink.h"
#include "connect/staged_publishing.h"
#include "env/clock.h"

namespace millrace {

struct StagedFileOptions {
  std::string path;  ///< directory of the finished files; every worker must reach it
  std::string app;
  std::string sink;  ///< name of the sink's step
  Partition partition{0};
  /// Columns of the rows; the last `partition_columns` of them only name directories (see DirectoryNumbers).
  std::shared_ptr<arrow::Schema> schema;
  std::size_t partition_columns = 0;
  std::string extension;  ///< of the finished files
  /// Knows `extension`, and those of what this sink was before the pipeline was edited.
  FileFormats formats;
  Duration roll{30'000};
  ByteCount roll_bytes{128LL << 20};
  /// Staging files that no committed note names are deleted when they are older: no transaction is open for
  /// longer.
  Duration unreferenced_after{60'000};
  const Clock* clock = nullptr;  ///< outlives the sink
};

/// A sink that writes each row to exactly one file (D3), without holding back the checkpoint until a file is
/// full.
///
/// Rows are appended to `<path>/_staging/<app>.<sink>.<partition>.<id>.arrows`, an Arrow IPC stream. Prepare
/// makes them durable; the note committed with the offsets says how many bytes of it count. After `roll` or
/// `roll_bytes`, after a restart or a rebalance, and at a clean stop the committed bytes become finished
/// files
/// `<path>/<directories>/<sink>-<partition>-<id>.<extension>`: written beside and renamed, so that a reader
/// sees whole files only. Publishing the same note twice, even by two processes at once, gives the same
/// files. The note and the staging file say all that publishing needs, so what is committed appears in its
/// folder also when the sink was renamed, moved, changed or removed since (PublishStaged).
///
/// A row whose directory no file system takes is an error of that row (R3).
///
/// Invariants:
///   1. Rows beyond the committed length are never published.
///   2. A staging file is never appended to by another sink object than the one that made it.
///   3. A staging file is deleted only after all its finished files exist, or when no committed note can name
///   it.
///
/// Errors: user error for an impossible partition_by, or names too long for files; kIo and kPermissionDenied
/// for the place.
Result<std::unique_ptr<Sink>> MakeStagedFileSink(StagedFileOptions options);

}  // namespace millrace
