#pragma once

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
/// Prints the steps with the columns between them, as far as declared schemas tell.
Exit GraphCommand(const GraphOptions& options, CommandIo& io);

}  // namespace millrace
