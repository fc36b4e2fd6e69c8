#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "env/random.h"
#include "snap_server/api_request.h"

namespace millrace::snap {

/// What can go wrong with a request on purpose.
///
/// k429, k500, k503, kInvalid, kExpired and kInvalidToken are answered before anything was taken; kSlow and
/// kCut after it: the client does not learn what became of its request.
enum class Fault { k429, k500, k503, kSlow, kCut, kInvalid, kExpired, kInvalidToken };

/// How often which fault happens. One owner.
class Faults {
 public:
  explicit Faults(std::uint64_t seed) : random_(seed) {}

  /// Reads "429:0.1". Errors: user error for an unknown name or a rate that is none.
  static Result<std::pair<std::string, double>> Parse(std::string_view text);

  /// The share of requests, from 0 to 1. Errors: user error for an unknown name or a rate outside of that.
  Status Set(std::string_view name, double rate);

  /// The fault of the next request of that API, if it has one. The stand-in's own pages have none.
  std::optional<Fault> Pick(Api api);

  /// By name, without those that never happen.
  std::map<std::string, double> rates() const;
  /// How often each happened.
  const std::map<std::string, std::int64_t>& counts() const { return counts_; }
  void ForgetCounts() { counts_.clear(); }

 private:
  Random random_;
  std::map<Fault, double> rates_;
  std::map<std::string, std::int64_t> counts_;
};

}  // namespace millrace::snap
