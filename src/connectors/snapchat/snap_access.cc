#include "connectors/snapchat/snap_access.h"

#include <algorithm>
#include <utility>

#include "http/client.h"

namespace millrace {
namespace {

constexpr Duration kConnectTimeout{5'000};
constexpr Duration kTimeout{10'000};

}  // namespace

/// Destroyed by a sink or a source, never by a callback: none holds it.
struct SnapAccesses::TokenServer {
  TokenServer(OAuthOptions options, std::unique_ptr<HttpClient> its_client, const Clock& clock)
      : client(std::move(its_client)), source(std::move(options), *client, clock) {}

  const std::unique_ptr<HttpClient> client;
  TokenSource source;
};

Result<SnapAccess> SnapAccesses::Get(const SnapAccessOptions& options) {
  const MutexLock lock(mutex_);
  SnapAccess access;
  Key key = {options.url, options.login.access_token};
  if (const auto& oauth = options.login.oauth) {
    MR_ASSIGN_OR_RETURN(auto server, ServerOf(*oauth, options.ca_file));
    access.token = TokensOf(std::shared_ptr<TokenSource>(server, &server->source));
    key.insert(key.end(), {oauth->token_url, oauth->client_id, oauth->refresh_token});
  } else {
    access.token = FixedToken(options.login.access_token);
  }
  std::shared_ptr<RateLimiter>& limiter = limiters_[key];
  if (limiter == nullptr) limiter = std::make_shared<RateLimiter>(clock_);
  limiter->AtMost(SnapAccess::kBucket, options.per_second, std::max(1.0, options.per_second));
  access.limiter = limiter;
  return access;
}

Result<std::shared_ptr<SnapAccesses::TokenServer>> SnapAccesses::ServerOf(const OAuthOptions& oauth,
                                                                          const std::string& ca_file) {
  std::shared_ptr<TokenServer>& server =
      servers_[{oauth.token_url, oauth.client_id, oauth.client_secret, oauth.refresh_token, ca_file}];
  if (server != nullptr) return server;
  HttpClientOptions options;
  options.ca_file = ca_file;
  options.connect_timeout = kConnectTimeout;
  options.timeout = kTimeout;
  options.secrets = {oauth.client_secret, oauth.refresh_token};
  MR_ASSIGN_OR_RETURN(auto client, HttpClient::Start(std::move(options)));
  server = std::make_shared<TokenServer>(oauth, std::move(client), clock_);
  return server;
}

}  // namespace millrace
