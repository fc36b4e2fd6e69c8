#pragma once

#include <memory>

#include "connect/file_format.h"

namespace millrace {

/// Arrow IPC files ("Feather V2"), zstd inside, one record batch per batch written.
/// Errors: user error when this Arrow was built without zstd.
Result<std::unique_ptr<FileFormat>> MakeIpcFormat();

}  // namespace millrace
