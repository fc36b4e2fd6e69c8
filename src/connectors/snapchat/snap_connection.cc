#include "connectors/snapchat/snap_connection.h"

#include <utility>

#include "base/mutex.h"

namespace millrace {
namespace {

std::vector<std::string> SecretsOf(const SnapLogin& login) {
  std::vector<std::string> secrets = {login.access_token};
  if (login.oauth) {
    secrets.push_back(login.oauth->client_secret);
    secrets.push_back(login.oauth->refresh_token);
  }
  return secrets;
}

}  // namespace

/// The way to the client for who waits for a token, which may come when the connection is gone.
struct SnapConnection::Aside {
  Mutex mutex;
  HttpClient* client;  // guarded by mutex; null: gone
};

SnapConnection::SnapConnection(SnapConnectionOptions options, SnapAccess access,
                               std::unique_ptr<HttpClient> client, const Clock& clock,
                               MetricRegistry& metrics)
    : options_(std::move(options)),
      clock_(clock),
      metrics_(metrics),
      access_(std::move(access)),
      trouble_({.begins = "a service did not take a batch; trying again",
                .lasts = "a service still does not take all batches; trying again",
                .over = "a service takes batches again"},
               {"step", options_.step}, clock),
      token_trouble_({.begins = "there is no access token yet; asking again",
                      .lasts = "there is still no access token; asking again",
                      .over = "there is an access token again"},
                     {"step", options_.step}, clock),
      aside_(std::make_shared<Aside>()),
      client_(std::move(client)) {
  const MutexLock lock(aside_->mutex);
  aside_->client = client_.get();
}

SnapConnection::~SnapConnection() {
  const MutexLock lock(aside_->mutex);
  aside_->client = nullptr;
}

Result<std::shared_ptr<SnapConnection>> SnapConnection::Make(SnapConnectionOptions options,
                                                             const Clock& clock, MetricRegistry& metrics) {
  HttpClientOptions client_options;
  client_options.ca_file = options.access.ca_file;
  client_options.secrets = SecretsOf(options.access.login);
  MR_ASSIGN_OR_RETURN(auto client, HttpClient::Start(std::move(client_options)));
  const auto shared = options.shared ? options.shared : std::make_shared<SnapAccesses>(clock);
  MR_ASSIGN_OR_RETURN(auto access, shared->Get(options.access));
  return std::shared_ptr<SnapConnection>(
      new SnapConnection(std::move(options), std::move(access), std::move(client), clock, metrics));
}

std::unique_ptr<BatchDelivery> SnapConnection::MakeDelivery(const BatchApi& api, SnapBatchBounds bounds) {
  return std::make_unique<BatchDelivery>(
      BatchDeliveryOptions{.step = options_.step,
                           .max_items = bounds.items,
                           .max_bytes = bounds.bytes,
                           .max_in_flight = options_.max_in_flight,
                           .buckets = access_.buckets(),
                           .paused_bucket = access_.token_bucket,
                           .backoff = options_.backoff,
                           .most_refused_in_row = bounds.most_refused_in_row,
                           .refused_alike = bounds.refused_alike},
      BatchDeliveryContext{.api = &api,
                           .client = client_.get(),
                           .limiter = access_.limiter.get(),
                           .token = access_.token,
                           .let_in = &let_in_,
                           .clock = &clock_,
                           .metrics = &metrics_,
                           .trouble = &trouble_,
                           .token_trouble = &token_trouble_},
      Random::FromSystem());
}

void SnapConnection::SendAside(std::function<ClientRequest(const std::string& token)> make,
                               HttpClient::Done done) {
  if (access_.limiter->TryTake(access_.buckets()) > Duration(0)) return;
  access_.token(
      "", [aside = aside_, make = std::move(make), done = std::move(done)](const Result<std::string>& token) {
        const MutexLock lock(aside->mutex);
        if (token.ok() && aside->client != nullptr) (void)aside->client->Send(make(*token), done);
      });
}

}  // namespace millrace
