#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_size.h"
#include "base/duration.h"
#include "base/result.h"
#include "http/header.h"
#include "http/redact.h"

namespace millrace {

struct HttpClientOptions {
  /// PEM file with the authorities that servers' certificates are checked against; "" is the system's. There
  /// is no way not to check.
  std::string ca_file{};
  /// "http://host:port"; "" connects directly, whatever the environment says.
  std::string proxy{};
  Duration connect_timeout{10'000};
  /// From sending the request to the last byte of the response.
  Duration timeout{30'000};
  /// Requests under way at once, each on a connection of its own that is kept for the next one.
  std::int32_t max_in_flight = 16;
  /// Requests that wait for their turn.
  std::int32_t max_queued = 1'024;
  /// A larger response is an error.
  ByteCount max_body{8 << 20};
  /// Taken out of every error, beside what Redactor finds by itself.
  std::vector<std::string> secrets{};
};

struct ClientRequest {
  std::string method = "GET";
  std::string url;
  HttpHeaders headers{};
  std::string body{};
};

struct ClientResponse {
  int status = 0;
  HttpHeaders headers{};
  std::string body{};
};

/// An HTTP/1.1 client for http and https on a thread of its own. Connections are kept and used again.
/// Redirects are not followed, so no secret goes to another host. Bodies are taken as they come, without
/// decompression.
///
/// Any response is a result, whatever its status: http/retry_class.h says what it means. Errors never hold
/// secrets: kTimeout; kUnavailable when there was no whole response (name, connection, certificate, cut
/// body); kResourceExhausted, of class retryable, for a response beyond max_body; kCancelled at destruction;
/// kInvalidArgument for a URL that is none. After an error the request may have been carried out all the
/// same.
///
/// Thread-safe. Destruction cancels what is under way and waits for the callbacks.
class HttpClient {
 public:
  using Done = std::function<void(Result<ClientResponse>)>;

  /// Errors: user error for a ca_file that cannot be read.
  static Result<std::unique_ptr<HttpClient>> Start(HttpClientOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// `done` is called once, on the client's thread; it must be quick, must not throw and may call Send, not
  /// Call. Errors: kResourceExhausted, of class retryable, when max_queued requests wait already; `done` is
  /// not called then.
  Status Send(ClientRequest request, Done done);

  /// Sends and waits. Precondition: not called from a `done`.
  Result<ClientResponse> Call(ClientRequest request);

  /// With the secrets of the options.
  const Redactor& redactor() const;

 private:
  class Loop;
  explicit HttpClient(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace millrace
