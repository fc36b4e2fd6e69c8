#pragma once

#include <string>
#include <vector>

#include "engine/commands/command.h"

namespace millrace {

struct TestOptions {
  std::vector<std::string> files;
  std::string filter;  ///< only tests whose name contains this
  bool json = false;
};

/// Runs the tests inside pipeline files on a log in memory and a manual clock, each also with batches of one
/// row and with a restart after every batch (a kill, or under at_least_once, where rows may come again after
/// one, a stop): what they show must not depend on that. Exit: 0 when all pass, 1 when one fails, 2 for an
/// invalid file or when there is no test, or none that the filter takes.
Exit TestCommand(const TestOptions& options, CommandIo& io);

}  // namespace millrace
