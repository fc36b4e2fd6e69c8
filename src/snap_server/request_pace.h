#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <span>
#include <string>

#include "env/clock.h"

namespace millrace::snap {

/// So many requests a second of something that has this name.
struct PaceBound {
  std::string name;
  double per_second = 1;
};

/// Which requests come too fast: a second's worth of requests may come at once, and later ones as their time
/// comes. Each name has the time at which its next request would be due if they came evenly; that may be
/// ahead of the clock by a second less one request. One owner.
///
/// It is apart from the limiter of the connectors, and reckons in another way, so that a mistake there is not
/// repeated here.
class RequestPace {
 public:
  /// Names that are known at once. With more of them, those that came slowly enough are forgotten, which
  /// changes nothing, and all when there are none.
  static constexpr std::size_t kMaxNames = 1'000;

  /// `clock` must outlive it.
  explicit RequestPace(const Clock& clock) : clock_(clock) {}

  /// Whether a request with all these bounds may pass; only then it is counted, for each of them.
  /// Preconditions: per_second > 0; a name has the same bound each time.
  bool Passes(std::span<const PaceBound> bounds);
  std::size_t names() const { return due_.size(); }

 private:
  void Forget(std::chrono::nanoseconds now);

  const Clock& clock_;
  std::map<std::string, std::chrono::nanoseconds, std::less<>> due_;  // by name; steady time
};

}  // namespace millrace::snap
