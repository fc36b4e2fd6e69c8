#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/duration.h"
#include "base/mutex.h"
#include "env/clock.h"

namespace millrace {

/// Token buckets by name: how many requests may go out, for instance per token and per app at once.
/// Thread-safe.
class RateLimiter {
 public:
  /// `clock` must outlive it.
  explicit RateLimiter(const Clock& clock) : clock_(clock) {}

  /// A bucket that fills with `per_second` and holds at most `burst`; begins full. Replaces one of that name.
  /// Preconditions: per_second > 0; burst >= 1.
  void SetBucket(const std::string& name, double per_second, double burst);

  /// SetBucket when there is none of that name; else these hold from now on, with what is in the bucket, as
  /// far as that goes into it, and with its pause.
  void ChangeBucket(const std::string& name, double per_second, double burst);

  /// Takes one from every bucket named and returns zero, or takes nothing and returns how long to wait before
  /// asking again. Names without a bucket limit nothing.
  Duration TryTake(const std::vector<std::string>& names);

  /// Nothing is taken from that bucket for so long: what a 429 asks for. Extends, never shortens.
  void Pause(std::string_view name, Duration pause);

 private:
  struct Bucket {
    double per_second;
    double burst;
    double tokens;
    std::chrono::nanoseconds filled_at;     // the time that `tokens` belongs to
    std::chrono::nanoseconds paused_until;  // steady time
  };

  static void Fill(Bucket* bucket, std::chrono::nanoseconds now);
  static std::chrono::nanoseconds WaitFor(const Bucket& bucket, std::chrono::nanoseconds now);

  const Clock& clock_;
  Mutex mutex_;
  std::map<std::string, Bucket, std::less<>> buckets_;  // guarded by mutex_
};

}  // namespace millrace
