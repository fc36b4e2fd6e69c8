#pragma once

#include <memory>
#include <string>

#include "base/duration.h"
#include "env/thread.h"

namespace millrace {

/// How long a graceful end may take after the first signal.
struct ShutdownDeadline {
  Duration after{0};  ///< 0: as long as it takes
  /// Logged as an error when the time is over: what was left undone.
  std::string event{};
};

/// Turns SIGTERM and SIGINT into a stop (D5): the first asks for a graceful end, the second ends the process
/// at once with exit code 130, and a deadline that passes ends it with exit code 1.
///
/// Made by main() before any other thread starts, at most one at a time; it blocks both signals in the
/// calling thread, so that threads started later inherit that, and waits for them on a thread of its own. The
/// destructor gives the signals back. From the first one made SIGPIPE is ignored (a closed socket is an error
/// of the call), and a process without memory or threads ends with a message (env/exhaustion.h).
class ShutdownSignal {
 public:
  explicit ShutdownSignal(ShutdownDeadline deadline = {});
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
