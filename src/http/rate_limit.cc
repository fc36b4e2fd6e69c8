#include "http/rate_limit.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"

namespace millrace {
namespace {

using std::chrono::nanoseconds;
constexpr double kNanosPerSecond = 1e9;
/// What rounding may take from a full token in a long run of small refills.
constexpr double kAlmostOne = 1.0 - 1e-6;

}  // namespace

void RateLimiter::SetBucket(const std::string& name, double per_second, double burst) {
  MR_CHECK(per_second > 0 && burst >= 1);
  const MutexLock lock(mutex_);
  const nanoseconds now = clock_.Steady();
  buckets_.insert_or_assign(name, Bucket{per_second, burst, burst, now, now});
}

void RateLimiter::ChangeBucket(const std::string& name, double per_second, double burst) {
  MR_CHECK(per_second > 0 && burst >= 1);
  const MutexLock lock(mutex_);
  const nanoseconds now = clock_.Steady();
  const auto [found, made] = buckets_.try_emplace(name, Bucket{per_second, burst, burst, now, now});
  if (made) return;
  Bucket& bucket = found->second;
  Fill(&bucket, now);
  bucket.per_second = per_second;
  bucket.burst = burst;
  bucket.tokens = std::min(bucket.tokens, bucket.burst);
}

void RateLimiter::Fill(Bucket* bucket, nanoseconds now) {
  if (now <= bucket->filled_at) return;
  const double seconds = static_cast<double>((now - bucket->filled_at).count()) / kNanosPerSecond;
  bucket->tokens = std::min(bucket->burst, bucket->tokens + seconds * bucket->per_second);
  bucket->filled_at = now;
}

nanoseconds RateLimiter::WaitFor(const Bucket& bucket, nanoseconds now) {
  nanoseconds wait = std::max(bucket.paused_until - now, nanoseconds(0));
  if (bucket.tokens < kAlmostOne) {
    const double seconds = (1.0 - bucket.tokens) / bucket.per_second;
    wait = std::max(wait, nanoseconds(static_cast<std::int64_t>(std::ceil(seconds * kNanosPerSecond))));
  }
  return wait;
}

Duration RateLimiter::TryTake(const std::vector<std::string>& names) {
  const MutexLock lock(mutex_);
  const nanoseconds now = clock_.Steady();
  std::vector<Bucket*> taken;
  nanoseconds wait(0);
  for (const std::string& name : names) {
    const auto found = buckets_.find(name);
    if (found == buckets_.end()) continue;
    Fill(&found->second, now);
    wait = std::max(wait, WaitFor(found->second, now));
    taken.push_back(&found->second);
  }
  if (wait > nanoseconds(0)) return std::chrono::ceil<Duration>(wait);
  for (Bucket* bucket : taken) bucket->tokens = std::max(0.0, bucket->tokens - 1.0);
  return Duration(0);
}

void RateLimiter::Pause(std::string_view name, Duration pause) {
  const MutexLock lock(mutex_);
  const auto found = buckets_.find(name);
  if (found == buckets_.end()) return;
  found->second.paused_until = std::max<nanoseconds>(found->second.paused_until, clock_.Steady() + pause);
}

}  // namespace millrace
