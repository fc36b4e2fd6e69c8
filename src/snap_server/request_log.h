#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "base/ids.h"
#include "snap_server/json_value.h"

namespace millrace::snap {

/// How many requests were answered how, and the last that were refused. One owner.
class RequestLog {
 public:
  static constexpr std::size_t kMaxRefused = 100;
  /// Of a refusal's text.
  static constexpr std::size_t kMaxText = 300;

  /// `route`: "POST /v3/{asset}/events"; `why`: the body of a refusal or the fault it is.
  void Add(const std::string& route, int status, EventTime now, const std::string& why);

  struct Refused {
    EventTime at;
    std::string route;
    int status;
    std::string why;
  };
  const std::deque<Refused>& refused() const { return refused_; }
  std::int64_t requests() const { return requests_; }

  /// {"POST /v3/{asset}/events": {"200": 3, "400": 1}}.
  json::object ByRoute() const;
  /// The last refusals, the newest last.
  json::array Refusals() const;
  void Clear();

 private:
  std::map<std::string, std::map<int, std::int64_t>> by_route_;
  std::int64_t requests_ = 0;
  std::deque<Refused> refused_;
};

}  // namespace millrace::snap
