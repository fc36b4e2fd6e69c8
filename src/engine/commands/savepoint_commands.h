#pragma once

#include <string>
#include <vector>

#include "base/duration.h"
#include "engine/commands/command.h"

namespace millrace {

struct SavepointCreateOptions {
  std::string file;    ///< of the pipeline, as it ran
  std::string folder;  ///< must not exist
  Duration startup_timeout{10'000};
};
/// Copies offsets and state of a stopped pipeline into a folder.
Exit SavepointCreateCommand(const SavepointCreateOptions& options, CommandIo& io);

struct SavepointInspectOptions {
  std::string folder;
  bool json = false;
};
/// Prints what a savepoint holds, after a look at every file of it. Exit 1 when something is missing or
/// changed.
Exit SavepointInspectCommand(const SavepointInspectOptions& options, CommandIo& io);

struct SavepointRestoreOptions {
  std::string file;  ///< of the pipeline, which may have been edited
  std::string folder;
  bool allow_drop = false;        ///< leave out what the pipeline has no place for
  std::vector<std::string> maps;  ///< "old=new": steps and source topics that have another name now
  Duration startup_timeout{10'000};
};
/// Makes a pipeline without state go on where a savepoint ends.
Exit SavepointRestoreCommand(const SavepointRestoreOptions& options, CommandIo& io);

}  // namespace millrace
