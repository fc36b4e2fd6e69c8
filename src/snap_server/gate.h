#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "http/rate_limit.h"
#include "snap_server/access.h"
#include "snap_server/api_answer.h"

namespace millrace::snap {

/// Who may ask, and how often: a token that is good, so many requests a second for each token, and twice as
/// many for the app, whose tokens are those of OAuth. One owner.
class Gate {
 public:
  /// `rate`: requests a second of a token; 0 for no bound. Both must outlive it.
  Gate(double rate, const Access& access, const Clock& clock)
      : rate_(rate), access_(access), clock_(clock), limiter_(std::make_unique<RateLimiter>(clock)) {}

  /// Why the request is not let in; none when it is.
  std::optional<HttpResponse> Refuses(const ApiRequest& request);

 private:
  bool TooFast(const ApiRequest& request);
  void MakeBucket(const std::string& name, double rate);

  const double rate_;
  const Access& access_;
  const Clock& clock_;
  std::unique_ptr<RateLimiter> limiter_;
  std::set<std::string> buckets_;  // of the limiter
};

}  // namespace millrace::snap
