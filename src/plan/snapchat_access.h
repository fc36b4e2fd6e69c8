#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "millrace/snapchat_access.h"

namespace millrace {

/// How a source or a sink reaches Snap.
struct SnapchatAccess {
  /// Exactly one of the two: a token that does not change, or what makes them.
  std::string access_token{};  ///< secret
  std::optional<SnapchatOAuth> oauth{};
  std::string access_token_file{};  ///< that access_token was read from; "": from none
  std::string url{};
  std::string ca_file{};         ///< authorities of the server's certificate; "": the system's
  std::int64_t per_second = 10;  ///< requests of the token
  std::string app{};             ///< that the token is of; "": the client_id, or one for the url
  /// Requests of all tokens of the app; nullopt: 20, or the highest per_second of them where that is more.
  std::optional<std::int64_t> app_per_second{};
};

}  // namespace millrace
