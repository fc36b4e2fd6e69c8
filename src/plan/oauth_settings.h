#pragma once

#include <string>

namespace millrace {

/// Access tokens by the refresh-token grant of OAuth 2.
struct OAuthSettings {
  std::string client_id;
  std::string client_secret;  ///< secret
  std::string refresh_token;  ///< secret
  std::string token_url = "https://accounts.snapchat.com/login/oauth2/access_token";
};

}  // namespace millrace
