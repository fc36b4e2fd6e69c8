#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/duration.h"
#include "base/ids.h"
#include "env/clock.h"

namespace millrace::snap {

/// Which tokens let in: those that never end, and those that OAuth gave out, which end by the clock. One
/// owner.
class Access {
 public:
  /// At most so many tokens of OAuth are known; a further one takes the place of the one that ends first.
  static constexpr std::size_t kMaxTokens = 1'000;

  /// `clock` must outlive it.
  Access(std::vector<std::string> lasting_tokens, const Clock& clock);

  enum class Standing { kGood, kExpired, kUnknown };
  Standing Of(const std::string& token) const;

  /// Takes note of a token that is good for so long.
  void Add(const std::string& token, Duration life);

 private:
  const std::vector<std::string> lasting_tokens_;
  const Clock& clock_;
  std::map<std::string, EventTime> ends_;  // of tokens of OAuth
};

}  // namespace millrace::snap
