#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/duration.h"
#include "base/ids.h"
#include "env/random.h"

namespace millrace {

struct BackoffOptions {
  Duration first{250};       ///< bound of the first pause; doubles with every further one
  Duration longest{30'000};  ///< bound of all pauses that we choose
  /// Bound of a pause that the far side asks for.
  Duration longest_asked{600'000};
};

/// Pauses between the tries of one request: exponential with full jitter, so that many senders that failed
/// together do not come back together. One owner.
class Backoff {
 public:
  /// `random` must outlive it.
  Backoff(BackoffOptions options, Random& random) : options_(options), random_(random) {}

  /// The pause before the next try: uniform between 0 and min(longest, first * 2^tries), but not less than
  /// `asked` (of RetryAfter), itself bounded.
  Duration Next(std::optional<Duration> asked = std::nullopt);
  /// After a success.
  void Reset() { tries_ = 0; }
  /// Pauses since the last success.
  std::int32_t tries() const { return tries_; }

 private:
  const BackoffOptions options_;
  Random& random_;
  std::int32_t tries_ = 0;
};

/// The pause that a Retry-After header asks for, in seconds or as an HTTP date; never negative. None for a
/// text that is neither.
std::optional<Duration> RetryAfter(std::string_view header, EventTime now);

}  // namespace millrace
