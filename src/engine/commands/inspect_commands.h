#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/commands/command.h"

namespace millrace {

// Commands that look at a pipeline file without any broker.

struct LintOptions {
  std::vector<std::string> files;
  bool json = false;
};
/// Checks files: syntax, keys, expressions and, where schemas are declared, all types.
Exit LintCommand(const LintOptions& options, CommandIo& io);

struct GraphOptions {
  std::string file;
  std::string format = "text";  ///< text | mermaid | json
};
/// Prints the steps with the columns between them.
Exit GraphCommand(const GraphOptions& options, CommandIo& io);

struct ExplainOptions {
  std::string file;
  /// Partitions assumed for every source topic: one never needs a repartition topic.
  std::int32_t partitions = 2;
  bool json = false;
};
/// Prints how the pipeline will run: settings, sub-topologies, internal topics, state.
Exit ExplainCommand(const ExplainOptions& options, CommandIo& io);

}  // namespace millrace
