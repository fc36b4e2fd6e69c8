#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/duration.h"

namespace millrace {

/// What the token endpoint of OAuth 2 answers, for better or worse (RFC 6749, sections 5.1 and 5.2).
struct TokenResponse {
  std::string access_token;
  std::string refresh_token;           ///< "" when it stays the same
  std::optional<Duration> expires_in;  ///< a number or digits in a string; not negative
  std::string error;                   ///< "invalid_grant: the token was revoked"; not redacted
};

/// Empty for text that is not a JSON object; fields of another type are as if they were not there.
TokenResponse ReadTokenResponse(std::string_view json);

}  // namespace millrace
