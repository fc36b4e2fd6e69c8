#pragma once

#include "connectors/snapchat/snap_connection.h"
#include "millrace/snapchat_access.h"

namespace millrace {

inline OAuthOptions OAuthOptionsOf(const SnapchatOAuth& oauth) {
  return {.token_url = oauth.token_url,
          .client_id = oauth.client_id,
          .client_secret = oauth.client_secret,
          .refresh_token = oauth.refresh_token};
}

}  // namespace millrace
