#pragma once

#include <string>
#include <vector>

#include "engine/commands/command.h"

namespace millrace {

struct BrokerOptions {
  std::vector<std::string> topics;  ///< "NAME" or "NAME:PARTITIONS"
};

/// Runs the embedded broker until SIGTERM or SIGINT and prints its address.
Exit BrokerCommand(const BrokerOptions& options, CommandIo& io);

}  // namespace millrace
