#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "env/clock.h"
#include "http/client.h"
#include "snap_server/json_value.h"
#include "snap_server/snap_server.h"

namespace millrace::snap {

/// 2025-03-20T12:00:00Z.
inline constexpr EventTime kTestNow{1'742'472'000'000};
inline constexpr std::int64_t kTestHour_ms = 3'600'000;

/// What the stand-in answered.
struct Answered {
  int status = 0;  ///< 0: no whole answer
  json::value body;
  std::string text;
  HttpHeaders headers;

  /// Of an object; fails the test when there is none.
  const json::value& operator[](std::string_view name) const;
  /// "" when the member is missing or no text.
  std::string Text(std::string_view name) const;
};

/// A running stand-in with a clock that is moved by hand, and a client.
class SnapServerTest : public testing::Test {
 protected:
  /// Without a bound of requests a second, unless told otherwise: the clock stands still.
  void Start(SnapServerOptions options = WithoutBound());
  static SnapServerOptions WithoutBound();

  Answered Call(const std::string& method, const std::string& path, const std::string& body = "",
                HttpHeaders headers = {{"Authorization", "Bearer snap-token"}});
  Answered Get(const std::string& path) { return Call("GET", path); }
  Answered Post(const std::string& path, const std::string& body) { return Call("POST", path, body); }
  /// To the conversions of an asset, with the usual token.
  Answered PostEvents(const std::string& asset, const std::string& events);
  /// GET /_received.
  Answered Received() { return Get("/_received"); }

  /// The id of a made-up account, by its name.
  std::string AccountId(const std::string& name) const;
  /// "/v1/adaccounts/<id>".
  std::string AccountPath(const std::string& name) const { return "/v1/adaccounts/" + AccountId(name); }

  ManualClock clock_{kTestNow};
  std::unique_ptr<SnapServer> server_;
  std::unique_ptr<HttpClient> client_;
};

/// An event that Snap takes at kTestNow, with members of `changes` in the place of its own; null leaves one
/// out.
std::string EventWith(const std::string& changes = "{}");

}  // namespace millrace::snap
