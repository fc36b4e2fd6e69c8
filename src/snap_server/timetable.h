#pragma once

#include <chrono>
#include <functional>
#include <map>

#include "base/duration.h"
#include "base/mutex.h"
#include "env/clock.h"
#include "env/thread.h"

namespace millrace::snap {

/// Calls functions after a while, on a thread of its own. Thread-safe. Destruction waits for the call under
/// way and forgets the others.
class Timetable {
 public:
  /// More than so many calls do not wait.
  static constexpr std::size_t kMaxCalls = 100'000;

  /// `clock` must outlive it.
  explicit Timetable(const Clock& clock);
  ~Timetable();
  Timetable(const Timetable&) = delete;
  Timetable& operator=(const Timetable&) = delete;

  /// `call` must be quick and may call After. When kMaxCalls wait already it is called as soon as can be.
  void After(Duration pause, std::function<void()> call);

 private:
  void Run();
  std::chrono::nanoseconds NextDue() const;  // precondition: the lock is held, and there is one

  const Clock& clock_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::multimap<std::chrono::nanoseconds, std::function<void()>> calls_;  // guarded by mutex_, as below
  bool stopping_ = false;
  Thread thread_;  // last: the others are there when it runs
};

}  // namespace millrace::snap
