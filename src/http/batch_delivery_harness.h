#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/mutex.h"
#include "http/batch_delivery.h"
#include "http/retry_class.h"
#include "http/server.h"

namespace millrace {

/// One item per line, the token in a header; 400 is a refusal, 451 of no item.
class LineApi final : public BatchApi {
 public:
  explicit LineApi(std::string address) : address_(std::move(address)) {}
  ClientRequest Request(const std::string& group, std::span<const std::string_view> items,
                        const std::string& token) const override {
    ClientRequest request{
        .method = "POST", .url = "http://" + address_ + "/" + group, .headers = {{"X-Token", token}}};
    for (const std::string_view item : items) request.body += std::string(item) + "\n";
    return request;
  }
  std::int64_t EnvelopeBytes() const override { return 1; }  // the end of the last line
  BatchVerdict Judge(const ClientResponse& response) const override {
    using Kind = BatchVerdict::Kind;
    switch (RetryClassOf(response.status)) {
      case RetryClass::kDone:
        return {};
      case RetryClass::kRetry:
        return {Kind::kRetry, "HTTP " + std::to_string(response.status)};
      case RetryClass::kAuth:
        return {Kind::kUnauthorized, "401 " + response.body};
      case RetryClass::kForbidden:
        return {Kind::kForbidden, "403 " + response.body};
      case RetryClass::kPermanent:
        return {response.status == 451 ? Kind::kBlocked : Kind::kRefused, response.body};
    }
    return {};
  }

 private:
  const std::string address_;
};

/// Keeps the lines that it took, by group; `answer` may answer in its place.
class LineServer {
 public:
  LineServer() {
    HttpServerOptions options;
    options.address = "127.0.0.1:0";
    options.max_body = ByteCount(64 << 20);
    std::vector<HttpRoute> routes;
    routes.push_back({"POST", "/", [this](const HttpRequest& request) { return Handle(request); }});
    server_ = *HttpServer::Start(options, std::move(routes));
  }
  const std::string& address() const { return server_->address(); }

  using Answer = std::function<std::optional<HttpResponse>(const HttpRequest&, int number)>;
  void set_answer(Answer answer) {
    const MutexLock lock(mutex_);
    answer_ = std::move(answer);
  }
  std::vector<std::string> taken(const std::string& group) {
    const MutexLock lock(mutex_);
    return taken_[group];
  }
  std::vector<std::string> bodies() {
    const MutexLock lock(mutex_);
    return bodies_;
  }

 private:
  HttpResponse Handle(const HttpRequest& request) {
    const MutexLock lock(mutex_);
    bodies_.push_back(request.body);
    if (answer_) {
      if (auto response = answer_(request, static_cast<int>(bodies_.size()))) return *std::move(response);
    }
    for (std::size_t at = 0; at < request.body.size();) {
      const std::size_t end = request.body.find('\n', at);
      taken_[request.path.substr(1)].push_back(request.body.substr(at, end - at));
      at = end + 1;
    }
    return {200, "ok"};
  }

  Mutex mutex_;
  Answer answer_;                                          // guarded by mutex_, as all below
  std::map<std::string, std::vector<std::string>> taken_;  // by group
  std::vector<std::string> bodies_;
  std::unique_ptr<HttpServer> server_;
};

class BatchDeliveryTest : public testing::Test {
 protected:
  std::unique_ptr<BatchDelivery> Make(BatchDeliveryOptions options = {}, TokenFetch tokens = nullptr) {
    if (tokens == nullptr) {
      tokens = [this](const std::string& refused, const TokenDone& done) { done(Token(refused)); };
    }
    options.step = "sink-1";
    options.backoff = {.first = Duration(1), .longest = Duration(5)};
    options.pause = Duration(1);
    BatchDeliveryContext context{.api = &api_,
                                 .client = client_.get(),
                                 .limiter = &limiter_,
                                 .token = std::move(tokens),
                                 .let_in = &let_in_,
                                 .clock = &clock_,
                                 .metrics = &metrics_,
                                 .trouble = &trouble_,
                                 .token_trouble = &trouble_};
    return std::make_unique<BatchDelivery>(std::move(options), std::move(context), Random(7));
  }
  Result<std::string> Token(const std::string& refused) {
    if (tokens_.empty()) return Status::PermissionDenied("there is no other token");
    if (!refused.empty() && refused == tokens_.front()) tokens_.erase(tokens_.begin());
    if (tokens_.empty()) return Status::PermissionDenied("there is no other token");
    return tokens_.front();
  }
  static void AddNumbers(BatchDelivery& delivery, std::int64_t count, const std::string& group = "g") {
    for (std::int64_t i = 0; i < count; ++i) delivery.Add(group, "item-" + std::to_string(i), i);
  }
  double Metric(const std::string& name) { return metrics_.Sum(name); }

  static constexpr Duration kLong{20'000};
  LineServer server_;
  LineApi api_{server_.address()};
  const SystemClock clock_;
  MetricRegistry metrics_;
  TroubleLog trouble_{{.begins = "away", .lasts = "still away", .over = "back"}, {"step", "sink-1"}, clock_};
  RateLimiter limiter_{clock_};
  GroupsLetIn let_in_;
  std::vector<std::string> tokens_ = {"first"};
  std::unique_ptr<HttpClient> client_ = *HttpClient::Start({});
};

}  // namespace millrace
