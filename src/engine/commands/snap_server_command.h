#pragma once

#include <string>
#include <vector>

#include "engine/commands/command.h"
#include "snap_server/snap_server.h"

namespace millrace {

struct SnapServerCommandOptions {
  snap::SnapServerOptions server{};
  std::vector<std::string> faults{};  ///< "NAME:RATE"
};

/// Runs the stand-in of Snap's services until SIGTERM or SIGINT. Prints its address alone on the first line,
/// and then what its clients need.
Exit SnapServerCommand(const SnapServerCommandOptions& options, CommandIo& io);

}  // namespace millrace
