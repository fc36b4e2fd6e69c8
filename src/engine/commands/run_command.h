#pragma once

#include <optional>
#include <string>

#include "base/duration.h"
#include "engine/commands/command.h"

namespace millrace {

struct RunOptions {
  std::string file;
  std::optional<std::string> state_dir;  ///< in place of the file's
  std::optional<int> workers;            ///< in place of the file's
  std::string http;                      ///< address of the endpoints; "" serves none
  Duration startup_timeout{60'000};
  std::optional<Duration> stop_timeout;  ///< in place of the file's
};

/// Runs a pipeline until SIGTERM or SIGINT. Exit: 0 stopped, 1 failed, 2 invalid file, 3 no broker in time.
Exit RunCommand(const RunOptions& options, CommandIo& io);

}  // namespace millrace
