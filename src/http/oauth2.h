#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/duration.h"
#include "base/result.h"
#include "env/clock.h"
#include "http/client.h"
#include "http/token_fetch.h"

namespace millrace {

struct OAuthOptions {
  std::string token_url;
  std::string client_id;
  std::string client_secret;
  std::string refresh_token;
  std::string scope{};  ///< sent when not empty
  /// A token is replaced so long before it expires, but not before half of its life.
  Duration early{60'000};
  /// The life of a token whose response does not say it.
  Duration default_life{1'800'000};
  /// A token that is refused so soon after it was fetched will not be replaced: a new one would not help.
  Duration min_life{30'000};
};

/// Access tokens by the refresh-token grant of OAuth 2 (RFC 6749, section 6). One request at a time is under
/// way: who asks meanwhile gets its answer. The refresh token is replaced when the far side sends a new one,
/// and kept when it does not; it lives in memory only.
///
/// No error holds a token or the client's secret. Thread-safe. After destruction the answer of a request that
/// is under way still goes to those who asked.
class TokenSource {
 public:
  /// `client` and `clock` must outlive it, and the client the clock.
  TokenSource(OAuthOptions options, HttpClient& client, const Clock& clock);

  /// With `refused` "": a token that is valid now, fetched when there is none. After a 401 for `refused`:
  /// another one, which is the current one when it was replaced meanwhile, else it is fetched. Does not wait:
  /// `done` is called once, before Get returns when nothing has to be fetched, else on the client's thread
  /// (HttpClient::Done). Errors, each for all who asked meanwhile: kPermissionDenied (user) when the far side
  /// refuses the refresh token or the client, which asking again will not change, or when `refused` is
  /// younger than min_life; retryable for 429, 5xx and broken connections.
  void Get(const std::string& refused, TokenDone done);

  /// As Get, and waits. Precondition: not called from a HttpClient::Done.
  Result<std::string> Token() { return TokenAfterRefusal(""); }
  Result<std::string> TokenAfterRefusal(const std::string& refused);

  /// Requests for a token so far that were answered with one.
  std::int64_t refreshes() const;

 private:
  struct State;

  const std::shared_ptr<State> state_;  // shared with requests under way
};

}  // namespace millrace
