#pragma once

#include <cstdint>
#include <string>

#include "base/duration.h"
#include "engine/commands/command.h"

namespace millrace {

struct ExplainOptions {
  std::string file;
  /// Partitions assumed for every source topic: one never needs a repartition topic.
  std::int32_t partitions = 2;
  bool json = false;
  /// How long to wait for a broker, who is asked only when a source declares no schema.
  Duration startup_timeout{3'000};
};
/// Prints how the pipeline will run: settings, steps with their columns, sub-topologies, internal topics,
/// state. Schemas that are not declared are those that `run` would use; nothing is written to the cluster.
Exit ExplainCommand(const ExplainOptions& options, CommandIo& io);

}  // namespace millrace
