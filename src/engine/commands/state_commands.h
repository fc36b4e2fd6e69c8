#pragma once

#include <string>

#include "engine/commands/command.h"
#include "engine/state_selection.h"

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

struct StateGetOptions {
  std::string directory;
  std::string step;
  StateSelection selection;
  bool json = false;
};

/// Prints the selected rows of one step, as StateDumpCommand does. Exit 1 when there is none.
Exit StateGetCommand(const StateGetOptions& options, CommandIo& io);

struct StateExportOptions {
  std::string directory;
  std::string folder;  ///< made when missing
  std::string step;    ///< "" = all
};

/// Writes the rows of each step to `folder`/STEP.parquet, with their partition. Refuses to replace a file.
Exit StateExportCommand(const StateExportOptions& options, CommandIo& io);

struct StateStatsOptions {
  std::string directory;
  bool json = false;
};

/// Prints rows, bytes, changelog offset and time of the last commit for every task and step.
Exit StateStatsCommand(const StateStatsOptions& options, CommandIo& io);

}  // namespace millrace
