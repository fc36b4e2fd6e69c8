#pragma once

#include <string>

#include "base/result.h"
#include "engine/savepoint/manifest.h"

namespace millrace {

/// Reads the manifest of a savepoint. Errors: kNotFound when there is none, as in a folder that a create was
/// cut off in; kCorrupt when it is not whole.
Result<SavepointManifest> OpenSavepoint(const std::string& folder);

/// Reads all files and compares size, checksum and rows with the manifest. Errors: kNotFound or kCorrupt,
/// naming the file.
Status VerifySavepoint(const std::string& folder, const SavepointManifest& manifest);

}  // namespace millrace
