#include "golden_files.h"

#include <algorithm>

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <arrow/ipc/api.h>

#include "codec/json/json_codec.h"
#include "columnar/arrow_status.h"
#include "env/file.h"

namespace millrace {
namespace {

Status ReadRows(const std::string& path, std::vector<std::string>* rows) {
  MR_ASSIGN_ARROW(const auto file, arrow::io::ReadableFile::Open(path));
  MR_ASSIGN_ARROW(const auto reader, arrow::ipc::RecordBatchFileReader::Open(file));
  MR_ASSIGN_OR_RETURN(const auto encoder, MakeJsonEncoder(reader->schema()));
  for (int i = 0; i < reader->num_record_batches(); ++i) {
    MR_ASSIGN_ARROW(const auto batch, reader->ReadRecordBatch(i));
    EncodedRows encoded;
    MR_RETURN_IF_ERROR(encoder->Encode(*batch, &encoded));
    for (std::int64_t row = 0; row < batch->num_rows(); ++row) rows->emplace_back(encoded.row(row).view());
  }
  return Status::Ok();
}

}  // namespace

Result<std::vector<std::string>> FinishedRows(const std::string& folder) {
  std::vector<std::string> rows;
  const auto entries = ListDirectory(folder);
  if (!entries.ok() && entries.status().code() == StatusCode::kNotFound) return rows;
  MR_RETURN_IF_ERROR(entries.status());
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.is_directory) {
      MR_RETURN_IF_ERROR(ReadRows(folder + "/" + entry.name, &rows).WithContext(folder + "/" + entry.name));
    }
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace millrace
