#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"

namespace millrace::snap {

/// Decoded names and values; of several with one name the last.
using Parameters = std::map<std::string, std::string, std::less<>>;

/// Whose rules a request falls under: each API has its own way to say who asks and its own form of errors.
enum class Api { kConversions, kMarketing, kProfile, kOAuth, kOwn };

/// A request of a client, taken apart.
struct ApiRequest {
  Api api = Api::kOwn;
  std::string method;
  std::string path;                   ///< as sent, without the query
  std::vector<std::string> segments;  ///< of the path, decoded
  Parameters query;
  Parameters path_values;  ///< "id" of a route "/v1/campaigns/{id}"; set by the router
  HttpHeaders headers;
  std::string body;
  std::string base_url;    ///< "http://host:port", as the client wrote it
  std::string request_id;  ///< of this server

  /// The value of a parameter of the query; "" when it is missing.
  std::string Query(std::string_view name) const;
  /// Precondition: the route has that placeholder.
  const std::string& PathValue(std::string_view name) const;
  /// "token" of `Authorization: Bearer token`; "" without one.
  std::string BearerToken() const;
  /// The token by which the API of this request lets in: a parameter of the query or a header.
  std::string Token() const;
};

/// `scheme`: "http" or "https"; `address`: of the server, for a request that names no host.
ApiRequest TakeApart(const HttpRequest& request, const std::string& scheme, const std::string& address);

/// "a=1&b=x%20y" of a query or of a form.
Parameters ParseForm(std::string_view text);

}  // namespace millrace::snap
