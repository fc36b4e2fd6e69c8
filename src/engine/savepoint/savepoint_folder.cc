#include "engine/savepoint/savepoint_folder.h"

#include "base/counted.h"
#include "connectors/parquet/parquet_reader.h"
#include "engine/savepoint/sha256.h"
#include "env/file.h"

namespace millrace {
namespace {

Status VerifyFile(const std::string& path, const SavepointFile& file) {
  const auto sum = Sha256OfFile(path);
  if (sum.status().code() == StatusCode::kNotFound)
    return Status::NotFound(path + " is missing: the savepoint is not whole");
  MR_RETURN_IF_ERROR(sum.status());
  if (*sum != file.sha256)
    return Status::Corrupt(path + " is not what was written (its SHA-256 is " + *sum +
                           ", the manifest says " + file.sha256 + "): use another copy of the savepoint");
  MR_ASSIGN_OR_RETURN(const auto rows, ParquetReader::Open(path));
  if (rows->num_rows() == file.rows) return Status::Ok();
  return Status::Corrupt(path + " has " + Counted(rows->num_rows(), "row") + ", the manifest says " +
                         std::to_string(file.rows));
}

}  // namespace

Result<SavepointManifest> OpenSavepoint(const std::string& folder) {
  const std::string path = folder + "/" + std::string(kManifestName);
  if (!PathExists(path)) {
    return Status::NotFound("there is no savepoint in " + folder + ": it has no " +
                            std::string(kManifestName));
  }
  MR_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return ParseManifest(text).WithContext(path);
}

Status VerifySavepoint(const std::string& folder, const SavepointManifest& manifest) {
  for (const SavepointFile& file : FilesOf(manifest))
    MR_RETURN_IF_ERROR(VerifyFile(folder + "/" + file.name, file));
  return Status::Ok();
}

}  // namespace millrace
