#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/duration.h"
#include "base/mutex.h"
#include "env/clock.h"

namespace millrace {

/// Says in the log that a service is away, however many requests notice it and however often: a line when it
/// begins, one at most every kEvery while it lasts, and one when it is over. What begins again sooner than
/// that after a line, as it does in a storm of single failures, waits for its line, too.
///
/// A request is in trouble from Failed until Passed or Forget; over is when none is. Thread-safe.
class TroubleLog {
 public:
  static constexpr std::chrono::seconds kEvery{10};

  struct Words {
    std::string begins;
    std::string lasts;
    std::string over;
  };
  /// The lines name who is in trouble by a field: {"step", "sink-1"}. `clock` outlives it.
  struct Name {
    std::string key;
    std::string value;
  };
  TroubleLog(Words words, Name name, const Clock& clock);

  struct Failure {
    std::string_view error;  ///< free of secrets
    std::int32_t tries = 0;
    Duration pause{0};                  ///< before the next one
    std::chrono::nanoseconds since{0};  ///< steady time of the first try
  };
  void Failed(const void* request, const Failure& failure);
  /// It had an answer.
  void Passed(const void* request);
  /// Nobody waits for it any more.
  void Forget(const void* request);

 private:
  /// Preconditions: the lock is held.
  void Say(const Failure& failure, std::chrono::nanoseconds now);
  void SayOver();

  const Words words_;
  const Name name_;
  const Clock& clock_;

  Mutex mutex_;
  // Guarded by mutex_:
  std::map<const void*, std::chrono::nanoseconds> since_;  // of all in trouble
  std::optional<std::chrono::nanoseconds> said_at_;        // the last line but that it was over
  std::chrono::nanoseconds began_{0};
  bool said_ = false;  // of the trouble that there is
  std::int64_t failures_unsaid_ = 0;
  std::int64_t failures_ = 0;  // since it began
};

}  // namespace millrace
