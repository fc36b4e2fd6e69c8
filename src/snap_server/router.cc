#include "snap_server/router.h"

#include <optional>
#include <utility>

namespace millrace::snap {
namespace {

bool IsPlaceholder(const std::string& part) { return part.starts_with('{') && part.ends_with('}'); }

std::vector<std::string> Parts(const std::string& pattern) {
  std::vector<std::string> parts;
  for (std::size_t begin = 1; begin < pattern.size();) {
    const std::size_t end = std::min(pattern.find('/', begin), pattern.size());
    parts.push_back(pattern.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

/// The values of the placeholders when the path fits.
std::optional<Parameters> Match(const std::vector<std::string>& parts, const std::vector<std::string>& path) {
  if (parts.size() != path.size()) return std::nullopt;
  Parameters values;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (IsPlaceholder(parts[i])) {
      values[parts[i].substr(1, parts[i].size() - 2)] = path[i];
    } else if (parts[i] != path[i]) {
      return std::nullopt;
    }
  }
  return values;
}

}  // namespace

void Router::Add(const std::string& method, const std::string& pattern, Handler handler) {
  routes_.push_back({method, method + " " + pattern, Parts(pattern), std::move(handler)});
}

Router::Found Router::Find(ApiRequest* request) const {
  Found found;
  for (const Route& route : routes_) {
    std::optional<Parameters> values = Match(route.parts, request->segments);
    if (!values) continue;
    found.path_known = true;
    if (route.method != request->method) continue;
    request->path_values = std::move(*values);
    found.name = route.name;
    found.handler = &route.handler;
    return found;
  }
  return found;
}

}  // namespace millrace::snap
