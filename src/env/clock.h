#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/duration.h"
#include "base/ids.h"

namespace millrace {

/// The only way to ask for time. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall clock in ms since the Unix epoch.
  virtual EventTime Now() const = 0;
  /// Monotonic time since an arbitrary start; for intervals.
  virtual std::chrono::nanoseconds Steady() const = 0;
};

/// The operating system's clocks.
class SystemClock final : public Clock {
 public:
  EventTime Now() const override;
  std::chrono::nanoseconds Steady() const override;
};

/// Moves only when told: the simulated twin for tests and `millrace test`.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(EventTime start) : now_ms_(start.value()) {}
  void Advance(Duration by) { now_ms_ += by.count(); }
  EventTime Now() const override { return EventTime(now_ms_.load()); }
  std::chrono::nanoseconds Steady() const override { return std::chrono::milliseconds(now_ms_.load()); }

 private:
  std::atomic<std::int64_t> now_ms_;
};

}  // namespace millrace
