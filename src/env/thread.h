#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/duration.h"
#include "base/mutex.h"

namespace millrace {

/// A named thread that is joined when its owner goes. Movable; empty after a move or Join.
///
/// SIGTERM and SIGINT are blocked in it: they go to ShutdownSignal. An exception that leaves the body ends
/// the process.
class Thread {
 public:
  Thread() = default;
  /// `name`: as debuggers and top show it, cut to 15 characters. Where the system gives no thread the process
  /// ends (env/exhaustion.h).
  Thread(const std::string& name, std::function<void()> body);
  Thread(Thread&&) = default;
  /// Joins what it held before.
  Thread& operator=(Thread&& other) noexcept;
  ~Thread() { Join(); }

  bool running() const { return thread_.joinable(); }
  /// Waits for the end of the body; ok when empty. Precondition: not called from the thread itself.
  void Join();

 private:
  std::thread thread_;
};

/// Whether that many more threads can be had at once. They are started and end; nothing is kept for later.
bool CanStartThreads(int count);

/// Hardware threads this process may use, at least 1.
int CpuCount();

/// Tells threads to end, and lets them wait until then. Copies share one state; thread-safe.
class StopToken {
 public:
  StopToken();
  /// Idempotent; wakes every waiter.
  void RequestStop() const;
  bool stop_requested() const;
  /// Waits until a stop is requested or the time is over; true when stopped. For pauses between retries.
  bool WaitFor(Duration time) const;
  /// Waits until a stop is requested.
  void Wait() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace millrace
