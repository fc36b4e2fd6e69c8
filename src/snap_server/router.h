#pragma once

#include <functional>
#include <string>
#include <vector>

#include "snap_server/api_answer.h"
#include "snap_server/api_request.h"

namespace millrace::snap {

/// Finds what answers a request by its method and path. One owner.
class Router {
 public:
  using Handler = std::function<HttpResponse(const ApiRequest&)>;

  /// `pattern`: "/v1/campaigns/{id}/ads"; a part in braces takes any value, which the handler finds in
  /// path_values. Of several patterns that fit the first counts.
  void Add(const std::string& method, const std::string& pattern, Handler handler);

  /// What answers the request, with its path_values set; null when nothing does.
  struct Found {
    std::string name;  ///< "POST /v3/{asset}/events"; "" when nothing was found
    const Handler* handler = nullptr;
    bool path_known = false;  ///< with another method
  };
  Found Find(ApiRequest* request) const;

 private:
  struct Route {
    std::string method;
    std::string name;
    std::vector<std::string> parts;
    Handler handler;
  };
  std::vector<Route> routes_;
};

}  // namespace millrace::snap
