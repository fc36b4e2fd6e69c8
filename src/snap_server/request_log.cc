#include "snap_server/request_log.h"

#include <utility>

#include "snap_server/time_text.h"

namespace millrace::snap {

void RequestLog::Add(const std::string& route, int status, EventTime now, const std::string& why) {
  ++requests_;
  ++by_route_[route][status];
  if (why.empty()) return;
  refused_.push_back({now, route, status, why.substr(0, kMaxText)});
  if (refused_.size() > kMaxRefused) refused_.pop_front();
}

json::object RequestLog::ByRoute() const {
  json::object routes;
  for (const auto& [route, by_status] : by_route_) {
    json::object counts;
    for (const auto& [status, count] : by_status) counts[std::to_string(status)] = count;
    routes[route] = std::move(counts);
  }
  return routes;
}

json::array RequestLog::Refusals() const {
  json::array refusals;
  for (const Refused& refused : refused_) {
    refusals.push_back(json::object{{"at", JsonText(UtcText(refused.at))},
                                    {"route", JsonText(refused.route)},
                                    {"status", refused.status},
                                    {"why", JsonText(refused.why)}});
  }
  return refusals;
}

void RequestLog::Clear() {
  by_route_.clear();
  refused_.clear();
  requests_ = 0;
}

}  // namespace millrace::snap
