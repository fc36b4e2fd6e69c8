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
  if (const auto& oauth = options.login.oauth) {
    MR_ASSIGN_OR_RETURN(auto server, ServerOf(*oauth, options.ca_file));
    access.token = TokensOf(std::shared_ptr<TokenSource>(server, &server->source));
  } else if (!options.login.access_token_file.empty()) {
    access.token = TokenOfFile(options.login.access_token_file, options.login.access_token);
  } else {
    access.token = FixedToken(options.login.access_token);
  }
  access.limiter = limiter_;
  access.token_bucket = TokenBucket(options);
  access.app_bucket = AppBucket(options);
  return access;
}

std::string SnapAccesses::TokenBucket(const SnapAccessOptions& options) {
  Key key = {options.url, options.login.access_token};
  if (const auto& oauth = options.login.oauth)
    key.insert(key.end(), {oauth->token_url, oauth->client_id, oauth->refresh_token});
  const std::string bucket = "token " + std::to_string(tokens_.size());
  TokenPace& pace = tokens_.try_emplace(std::move(key), TokenPace{bucket, options.per_second}).first->second;
  pace.per_second = std::min(pace.per_second, options.per_second);
  SetPace(pace.bucket, pace.per_second);
  return pace.bucket;
}

std::string SnapAccesses::AppBucket(const SnapAccessOptions& options) {
  Key key = {"named", options.app};
  if (options.app.empty()) {
    const auto& oauth = options.login.oauth;
    key = oauth ? Key{"client", oauth->token_url, oauth->client_id} : Key{"url", options.url};
  }
  const std::string bucket = "app " + std::to_string(apps_.size());
  AppPace& pace = apps_.try_emplace(std::move(key), AppPace{bucket, kAppPerSecond}).first->second;
  pace.per_second_unless_said = std::max(pace.per_second_unless_said, options.per_second);
  if (const auto& said = options.app_per_second) pace.said = std::min(pace.said.value_or(*said), *said);
  SetPace(pace.bucket, pace.said.value_or(pace.per_second_unless_said));
  return pace.bucket;
}

void SnapAccesses::SetPace(const std::string& bucket, double per_second) {
  limiter_->ChangeBucket(bucket, per_second, std::max(1.0, per_second));
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
