#pragma once

#include <string>

#include "base/duration.h"
#include "engine/commands/command.h"

namespace millrace {

struct CheckpointVerifyOptions {
  std::string file;       ///< pipeline file
  std::string state_dir;  ///< "" = that of the file
  Duration startup_timeout{10'000};
  bool json = false;
};

/// Compares the state directories of a stopped pipeline on this machine with its changelog topics. Exit 1
/// when they differ.
Exit CheckpointVerifyCommand(const CheckpointVerifyOptions& options, CommandIo& io);

}  // namespace millrace
