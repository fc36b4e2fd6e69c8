#pragma once

#include <string>

#include "engine/commands/command.h"

namespace millrace {

struct StateDumpOptions {
  std::string directory;  ///< of one task, or any directory above
  std::string step;       ///< "" = all
  bool json = false;      ///< one JSON object per row
  bool raw = false;       ///< changelog keys and values in hex instead of columns
};

/// Prints the rows of state directories: step, partition, window, key and aggregates. Changes nothing;
/// refuses a directory that a process uses.
Exit StateDumpCommand(const StateDumpOptions& options, CommandIo& io);

struct StateStatsOptions {
  std::string directory;
  bool json = false;
};

/// Prints rows, bytes, changelog offset and time of the last commit for every task and step.
Exit StateStatsCommand(const StateStatsOptions& options, CommandIo& io);

}  // namespace millrace
