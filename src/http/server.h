#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_size.h"
#include "base/duration.h"
#include "base/result.h"
#include "http/header.h"

namespace millrace {

struct HttpRequest {
  std::string method;  ///< "GET"
  std::string path;    ///< "/metrics", without the query
  std::string query;   ///< "a=1&b=2", as sent; "" without one
  std::string body;
  HttpHeaders headers{};  ///< FindHeader(headers, "X-Signature")
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
  HttpHeaders headers{};  ///< further ones, such as Retry-After
  /// Sends only so many bytes of the body and closes the connection, as a server does that breaks down: for
  /// stand-ins of services.
  std::optional<std::size_t> cut_after{};
};

/// Takes the answer to one request, on any thread, once; it may also be dropped, or come when the server is
/// gone. What it takes is called on the server's thread.
using HttpReply = std::function<void(std::function<HttpResponse()>)>;

/// What answers one path. Handlers run one at a time on the server's thread: they must be quick and must not
/// throw.
struct HttpRoute {
  std::string method;  ///< "GET" also answers HEAD
  std::string path;    ///< compared as it is; ending in "/": whatever begins with it
  std::function<HttpResponse(const HttpRequest&)> handler;
  /// Instead of `handler`, for an answer that others give later. After HttpServerOptions::timeout the request
  /// is answered with 504.
  std::function<void(const HttpRequest&, HttpReply)> later{};
};

struct HttpServerOptions {
  /// "127.0.0.1:8080", "[::1]:8080", ":8080" or "8080" (all interfaces); port 0 takes a free one.
  std::string address;
  /// Further connections are closed at once.
  std::int32_t max_connections = 64;
  /// A larger body is answered with 413.
  ByteCount max_body{1 << 20};
  /// A connection that is silent, or slow with one request or response, for this long is closed.
  Duration timeout{10'000};
  /// PEM files of the certificate (and those between it and an authority) and its key: serves HTTPS instead
  /// of HTTP. Both or none.
  std::string certificate_file{};
  std::string key_file{};
};

/// A small HTTP/1.1 server on a thread of its own, for endpoints of a worker and webhooks. Keeps connections
/// alive.
///
/// Serves from Start until destruction, which closes all connections. Thread-safe.
class HttpServer {
 public:
  /// Errors: user error for an address that cannot be read or listened on, or a certificate that cannot be
  /// used.
  static Result<std::unique_ptr<HttpServer>> Start(HttpServerOptions options, std::vector<HttpRoute> routes);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Where it listens, with the real port: "127.0.0.1:8080".
  const std::string& address() const;
  std::uint16_t port() const;

 private:
  struct State;
  explicit HttpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace millrace
