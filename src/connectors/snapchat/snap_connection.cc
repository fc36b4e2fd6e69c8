#include "connectors/snapchat/snap_connection.h"

#include <algorithm>
#include <utility>

namespace millrace {
namespace {

constexpr const char* kBucket = "token";

std::vector<std::string> SecretsOf(const SnapLogin& login) {
  std::vector<std::string> secrets = {login.access_token};
  if (login.oauth) {
    secrets.push_back(login.oauth->client_secret);
    secrets.push_back(login.oauth->refresh_token);
  }
  return secrets;
}

}  // namespace

SnapConnection::SnapConnection(SnapConnectionOptions options, std::unique_ptr<HttpClient> client,
                               const Clock& clock, MetricRegistry& metrics)
    : options_(std::move(options)),
      clock_(clock),
      metrics_(metrics),
      limiter_(clock),
      client_(std::move(client)) {
  limiter_.SetBucket(kBucket, options_.per_second, std::max(1.0, options_.per_second));
  const SnapLogin& login = options_.login;
  token_ = login.oauth ? TokensOf(std::make_shared<TokenSource>(*login.oauth, *client_, clock_))
                       : FixedToken(login.access_token);
}

Result<std::shared_ptr<SnapConnection>> SnapConnection::Make(SnapConnectionOptions options,
                                                             const Clock& clock, MetricRegistry& metrics) {
  HttpClientOptions client_options;
  client_options.ca_file = options.ca_file;
  client_options.secrets = SecretsOf(options.login);
  MR_ASSIGN_OR_RETURN(auto client, HttpClient::Start(std::move(client_options)));
  return std::shared_ptr<SnapConnection>(
      new SnapConnection(std::move(options), std::move(client), clock, metrics));
}

std::unique_ptr<BatchDelivery> SnapConnection::MakeDelivery(const BatchApi& api, SnapBatchBounds bounds) {
  return std::make_unique<BatchDelivery>(
      BatchDeliveryOptions{.step = options_.step,
                           .max_items = bounds.items,
                           .max_bytes = bounds.bytes,
                           .max_in_flight = options_.max_in_flight,
                           .buckets = {kBucket},
                           .backoff = options_.backoff,
                           .most_refused_in_row = bounds.most_refused_in_row},
      BatchDeliveryContext{.api = &api,
                           .client = client_.get(),
                           .limiter = &limiter_,
                           .token = token_,
                           .let_in = &let_in_,
                           .clock = &clock_,
                           .metrics = &metrics_},
      Random::FromSystem());
}

void SnapConnection::SendAside(std::function<ClientRequest(const std::string& token)> make,
                               HttpClient::Done done) {
  if (limiter_.TryTake({kBucket}) > Duration(0)) return;
  token_("", [client = client_.get(), make = std::move(make),
              done = std::move(done)](const Result<std::string>& token) {
    if (token.ok()) (void)client->Send(make(*token), done);
  });
}

}  // namespace millrace
