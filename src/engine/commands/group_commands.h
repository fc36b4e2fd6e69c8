#pragma once

#include <string>

#include "base/duration.h"
#include "engine/commands/command.h"

namespace millrace {

struct LagOptions {
  std::string file;
  Duration startup_timeout{10'000};
  bool json = false;
};
/// Prints how far each input partition of a pipeline is behind, by its committed offsets.
Exit LagCommand(const LagOptions& options, CommandIo& io);

struct ResetOptions {
  std::string file;
  Duration startup_timeout{10'000};
  std::string to = "earliest";  ///< earliest | latest: where the pipeline will begin
  bool offsets = true;          ///< move the committed offsets
  bool state = true;            ///< delete state: folders of this machine, changelog and repartition topics
  std::string state_dir;        ///< "" = the file's
  std::string step;             ///< of the state only this step's, which may be gone from the file; "" = all
  bool yes = false;             ///< do it; else only say what would be done
};
/// Makes a pipeline begin anew. Refuses while a process of it runs, and names who that is; the running ones
/// notice nothing (but on the embedded broker, where they are asked by joining their group).
Exit ResetCommand(const ResetOptions& options, CommandIo& io);

}  // namespace millrace
