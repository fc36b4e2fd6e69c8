#pragma once

#include <cstdint>
#include <string>

#include "base/duration.h"
#include "engine/commands/command.h"

namespace millrace {

struct DemoOptions {
  std::int64_t rate = 20'000;  ///< bids per second
  std::int64_t keys = 100;
  double late_fraction = 0.001;
  Duration lateness{20'000};
  double broken_fraction = 0.0001;
  std::uint64_t seed = 1;
  std::int32_t partitions = 2;
  int workers = 1;
  Duration window{5'000};
  Duration duration{30'000};  ///< 0: until Ctrl-C
  bool keep = false;          ///< leave broker and pipeline running afterwards
  std::string http;
  bool print = false;  ///< only print the pipeline file
};

/// The pipeline file that the demo runs, for a broker address.
std::string DemoPipeline(const DemoOptions& options, const std::string& broker, const std::string& state_dir);

/// Runs the main job on generated bids and the embedded broker: at_least_once, since that broker has no
/// transactions. Shows closed windows as they come and sums up at the end, with a check that no bid is
/// missing.
Exit DemoCommand(const DemoOptions& options, CommandIo& io);

}  // namespace millrace
