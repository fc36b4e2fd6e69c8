#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

#include "base/ids.h"
#include "engine/commands/command.h"
#include "engine/commands/demo_results.h"
#include "engine/runner.h"

namespace millrace {

/// What the demo shows at one moment.
struct DemoMoment {
  double bids_per_second = 0;
  std::int64_t lag = 0;
  RunnerStatus status;
};

/// Shows the demo: in a terminal a table that redraws itself, else plain lines. One owner, one thread.
class DemoView {
 public:
  /// `grace`: how long after its end a window closes.
  DemoView(CommandIo& io, Duration grace) : io_(io), grace_(grace) {}

  void Show(const DemoMoment& moment, const DemoResults& results);
  /// Ends the table, so that what follows stands below it.
  void Finish() { lines_drawn_ = 0; }

 private:
  void Draw(const DemoMoment& moment, const DemoResults& results);
  void PrintNewWindows(const DemoMoment& moment, const DemoResults& results);

  CommandIo& io_;
  const Duration grace_;
  int lines_drawn_ = 0;
  std::optional<EventTime> last_printed_;
  int shows_ = 0;
};

/// "1,234,567".
std::string WithThousands(std::int64_t number);
/// "12:34:56" in UTC.
std::string TimeOfDay(EventTime time);

}  // namespace millrace
