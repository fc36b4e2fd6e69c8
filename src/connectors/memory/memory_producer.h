#pragma once

#include <memory>
#include <string>

#include "connect/producer.h"
#include "connectors/memory/memory_log.h"

namespace millrace {

/// A Producer that writes to `log`; `transactional_id` empty: without transactions. `log` must outlive it.
///
/// Records are in the log when Send returns; a record of a transaction is visible after Commit. Destroying it
/// with an open transaction leaves the transaction open, as a killed process does.
std::unique_ptr<Producer> MakeMemoryProducer(MemoryLog* log, std::string transactional_id);

}  // namespace millrace
