#pragma once

#include <optional>
#include <string>

#include "snap_server/access.h"
#include "snap_server/api_answer.h"
#include "snap_server/request_pace.h"

namespace millrace::snap {

/// Who may ask, and how often: a token that is good, so many requests a second for each token, and twice as
/// many for the app, whose tokens are those of OAuth. One owner.
class Gate {
 public:
  /// `rate`: requests a second of a token; 0 for no bound. Both must outlive it.
  Gate(double rate, const Access& access, const Clock& clock) : rate_(rate), access_(access), pace_(clock) {}

  /// Why the request is not let in; none when it is.
  std::optional<HttpResponse> Refuses(const ApiRequest& request);

 private:
  bool TooFast(const ApiRequest& request);

  const double rate_;
  const Access& access_;
  RequestPace pace_;
};

}  // namespace millrace::snap
