#pragma once

#include <cstdint>
#include <string>

namespace millrace {

/// Access tokens of Snap that are replaced before they expire, by the refresh-token grant of OAuth 2.
struct SnapchatOAuth {
  /// Of the OAuth app; its secret is shown nowhere.
  std::string client_id = {};
  std::string client_secret = {};
  /// Shown nowhere.
  std::string refresh_token = {};
  /// Another server, for tests.
  std::string token_url = "https://accounts.snapchat.com/login/oauth2/access_token";
};

/// A segment (customer list) of an ad account: by its id, or by its name.
struct SnapchatSegment {
  /// Exactly one of the two.
  std::string id = {};
  std::string name = {};
  /// With `name`: makes it when there is none, with these two.
  bool create = false;
  std::string description = {};
  /// 9,999 is for ever.
  std::int64_t retention_in_days = 9'999;
};

}  // namespace millrace
