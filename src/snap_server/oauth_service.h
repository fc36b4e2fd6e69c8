#pragma once

#include <string>

#include "base/duration.h"
#include "env/random.h"
#include "snap_server/access.h"
#include "snap_server/router.h"

namespace millrace::snap {

struct OAuthServiceOptions {
  std::string client_id = "snap-client";
  std::string client_secret = "snap-secret";
  std::string refresh_token = "snap-refresh";
  /// Of the access tokens. Snap's description says an hour, its users half of that.
  Duration token_life{1'800'000};
};

/// The token endpoint: access tokens for the refresh token, which stays good. One owner.
class OAuthService {
 public:
  /// `access` must outlive it.
  OAuthService(OAuthServiceOptions options, Access& access, std::uint64_t seed)
      : options_(std::move(options)), access_(access), random_(seed) {}

  void AddRoutes(Router* router);

 private:
  HttpResponse GiveToken(const ApiRequest& request);

  const OAuthServiceOptions options_;
  Access& access_;
  Random random_;
};

}  // namespace millrace::snap
