#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/duration.h"
#include "env/thread.h"

namespace millrace {

/// Turns SIGTERM and SIGINT into a stop (D5): the first asks for a graceful end, the second ends the process
/// at once. A graceful end that takes too long ends the process with 1, after saying so.
///
/// Made by main() before any other thread starts, at most one at a time; it blocks both signals in the
/// calling thread, so that threads started later inherit that, and waits for them on a thread of its own. The
/// destructor gives the signals back. SIGPIPE is ignored from the first one made: a closed socket is an error
/// of the call.
class ShutdownSignal {
 public:
  /// `on_first`: called once on the signal thread, with no restrictions of signal handlers; must not destroy
  /// this. `longest_stop`: what the graceful end may take; nullopt: for ever.
  explicit ShutdownSignal(std::function<void()> on_first = {},
                          std::optional<Duration> longest_stop = std::nullopt);
  ShutdownSignal(const ShutdownSignal&) = delete;
  ShutdownSignal& operator=(const ShutdownSignal&) = delete;
  ~ShutdownSignal();

  /// Stopped by the first signal.
  const StopToken& token() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace millrace
