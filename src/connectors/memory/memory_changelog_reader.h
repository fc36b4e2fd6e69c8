#pragma once

#include <memory>

#include "connect/changelog.h"
#include "connectors/memory/memory_log.h"

namespace millrace {

/// A ChangelogReader over `log`, which must outlive it. Poll returns at once; one block per partition and
/// call.
std::unique_ptr<ChangelogReader> MakeMemoryChangelogReader(MemoryLog* log);

}  // namespace millrace
