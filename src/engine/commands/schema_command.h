#pragma once

#include <cstdint>
#include <string>

#include "base/duration.h"
#include "engine/commands/cluster_connection.h"
#include "engine/commands/command.h"

namespace millrace {

struct SchemaInferOptions {
  ClusterChoice cluster;
  std::string topic;  ///< or, when empty, the sources of cluster.file
  std::int64_t max_records = 10'000;
  bool json = false;
};

/// Reads the first records of a topic and prints the `schema:` that would be inferred, ready to paste into a
/// pipeline.
Exit SchemaInferCommand(const SchemaInferOptions& options, CommandIo& io);

}  // namespace millrace
