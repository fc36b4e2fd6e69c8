#include "http/batch_delivery.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "env/thread.h"
#include "http/retry_class.h"
#include "http/server.h"

namespace millrace {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

/// One item per line, the token in a header; 400 is a refusal.
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
        return {Kind::kRefused, response.body};
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

TEST_F(BatchDeliveryTest, ABatchHasItemsOfOneGroupAndIsFullByCountOrBytes) {
  const auto delivery = Make({.max_items = 3, .max_bytes = ByteCount(8)});
  for (const char* item : {"aa", "bb", "cc", "dd", "eeeeeee", "f", "gg"}) delivery->Add("x", item, 0);
  delivery->Add("y", "a-long-one-goes-alone", 0);
  ASSERT_TRUE(delivery->Settle(kLong));
  EXPECT_THAT(server_.bodies(), UnorderedElementsAre("aa\nbb\ncc\n", "dd\n", "eeeeeee\nf\n", "gg\n",
                                                     "a-long-one-goes-alone\n"));
  const auto outcome = delivery->TakeOutcome();
  EXPECT_EQ(outcome.accepted, 8);
  EXPECT_EQ(outcome.bytes, 8 + 7 + 1 + 2 + 21);
  EXPECT_EQ(delivery->TakeOutcome().accepted, 0) << "told once";
  EXPECT_TRUE(delivery->Settle(Duration(0)));
}

TEST_F(BatchDeliveryTest, OneBadItemCostsItselfAndFewRequests) {
  server_.set_answer([](const HttpRequest& request, int) -> std::optional<HttpResponse> {
    if (request.body.find("item-1234\n") == std::string::npos) return std::nullopt;
    return HttpResponse{400, "a bad one"};
  });
  const auto delivery = Make();
  AddNumbers(*delivery, 2'000);
  ASSERT_TRUE(delivery->Settle(kLong));
  const auto outcome = delivery->TakeOutcome();
  EXPECT_EQ(outcome.accepted, 1'999);
  ASSERT_EQ(outcome.refused.size(), 1U);
  EXPECT_EQ(outcome.refused[0].id, 1'234);
  EXPECT_EQ(outcome.refused[0].reason, "a bad one");
  EXPECT_LE(server_.bodies().size(), 2 * std::log2(2'000) + 1);
  const auto taken = server_.taken("g");
  EXPECT_EQ(std::set<std::string>(taken.begin(), taken.end()).size(), 1'999U);
  EXPECT_EQ(taken.size(), 1'999U) << "an item was taken twice";
}

TEST_F(BatchDeliveryTest, WhatCanPassIsTriedAgainUntilItIsTaken) {
  server_.set_answer([](const HttpRequest&, int number) -> std::optional<HttpResponse> {
    if (number == 1) return HttpResponse{429, "", "text/plain", {{"Retry-After", "0"}}};
    if (number <= 4) return HttpResponse{503, ""};
    return std::nullopt;
  });
  const auto delivery = Make({.buckets = {"token"}, .paused_bucket = "token"});
  limiter_.SetBucket("token", 1'000, 1'000);
  AddNumbers(*delivery, 5);
  ASSERT_TRUE(delivery->Settle(kLong));
  EXPECT_EQ(delivery->TakeOutcome().accepted, 5);
  EXPECT_EQ(server_.bodies().size(), 5U);
  EXPECT_EQ(Metric("millrace_delivery_retries_total"), 4);
  EXPECT_EQ(Metric("millrace_delivery_requests_total"), 5);
}

TEST_F(BatchDeliveryTest, AServerThatIsAwayForManyTriesIsSaidOnceAndThatItIsBack) {
  server_.set_answer([](const HttpRequest&, int number) -> std::optional<HttpResponse> {
    return number <= 60 ? std::optional(HttpResponse{503, ""}) : std::nullopt;
  });
  const auto delivery = Make({.max_items = 2});
  testing::internal::CaptureStderr();
  AddNumbers(*delivery, 6);
  EXPECT_TRUE(delivery->Settle(kLong));
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 2) << log;
  EXPECT_THAT(log, AllOf(HasSubstr("warning away step=sink-1"), HasSubstr("tries=1"), HasSubstr("HTTP 503"),
                         HasSubstr("info    back step=sink-1 retries=60")));
}

TEST_F(BatchDeliveryTest, AServerThatIsAwayIsWaitedForWithoutBlocking) {
  const LineApi nowhere("127.0.0.1:1");
  BatchDelivery delivery({.step = "s", .backoff = {.first = Duration(1), .longest = Duration(2)}},
                         {.api = &nowhere,
                          .client = client_.get(),
                          .limiter = &limiter_,
                          .token = FixedToken("t"),
                          .clock = &clock_,
                          .metrics = &metrics_,
                          .trouble = &trouble_,
                          .token_trouble = &trouble_},
                         Random(1));
  AddNumbers(delivery, 3);
  EXPECT_FALSE(delivery.Settle(Duration(0)));
  EXPECT_FALSE(delivery.Settle(Duration(50)));
  EXPECT_GT(Metric("millrace_delivery_retries_total"), 1);
  EXPECT_EQ(delivery.TakeOutcome().accepted, 0);
}  // and what is under way is forgotten

TEST_F(BatchDeliveryTest, ATokenThatIsRefusedIsReplacedOnce) {
  tokens_ = {"old", "new"};
  server_.set_answer([](const HttpRequest& request, int) -> std::optional<HttpResponse> {
    if (*FindHeader(request.headers, "X-Token") == "new") return std::nullopt;
    return HttpResponse{401, "expired"};
  });
  const auto delivery = Make({.max_items = 2});
  AddNumbers(*delivery, 6);
  ASSERT_TRUE(delivery->Settle(kLong));
  EXPECT_EQ(delivery->TakeOutcome().accepted, 6);
  EXPECT_EQ(tokens_.front(), "new");
  EXPECT_EQ(Metric("millrace_delivery_paused"), 0);
}

TEST_F(BatchDeliveryTest, WithoutAValidTokenItPausesAndLosesNothing) {
  server_.set_answer([](const HttpRequest&, int) { return HttpResponse{401, "expired"}; });
  const auto delivery = Make({.max_items = 2});
  AddNumbers(*delivery, 6);
  EXPECT_FALSE(delivery->Settle(Duration(100)));
  EXPECT_EQ(Metric("millrace_delivery_paused"), 1);
  EXPECT_THAT(metrics_.ToPrometheusText(),
              HasSubstr(R"(millrace_delivery_paused_by{step="sink-1",cause="token"} 1)"));
  EXPECT_TRUE(delivery->TakeOutcome().refused.empty()) << "a flood of dead letters";

  tokens_ = {"better"};
  server_.set_answer(nullptr);
  ASSERT_TRUE(delivery->Settle(kLong));
  EXPECT_EQ(delivery->TakeOutcome().accepted, 6);
  EXPECT_EQ(Metric("millrace_delivery_paused"), 0);
}

TEST_F(BatchDeliveryTest, AMissingRightPausesUntilItIsGranted) {
  server_.set_answer([](const HttpRequest&, int number) -> std::optional<HttpResponse> {
    return number <= 2 ? std::optional(HttpResponse{403, "no access"}) : std::nullopt;
  });
  const auto delivery = Make();
  AddNumbers(*delivery, 4);
  ASSERT_TRUE(delivery->Settle(kLong));
  EXPECT_EQ(delivery->TakeOutcome().accepted, 4);
  EXPECT_EQ(Metric("millrace_delivery_paused"), 0);
  {
    server_.set_answer([](const HttpRequest&, int) { return HttpResponse{403, "no access"}; });
    const auto other = Make();
    AddNumbers(*other, 1);
    EXPECT_FALSE(other->Settle(Duration(50)));
    EXPECT_EQ(Metric("millrace_delivery_paused"), 1);
    EXPECT_THAT(metrics_.ToPrometheusText(),
                HasSubstr(R"(millrace_delivery_paused_by{step="sink-1",cause="right"} 1)"));
    server_.set_answer([](const HttpRequest&, int) { return HttpResponse{401, "expired"}; });
    EXPECT_FALSE(other->Settle(Duration(50)));
    const std::string text = metrics_.ToPrometheusText();
    EXPECT_THAT(text, HasSubstr(R"(millrace_delivery_paused_by{step="sink-1",cause="right"} 0)"));
    EXPECT_THAT(text, HasSubstr(R"(millrace_delivery_paused_by{step="sink-1",cause="token"} 1)"));
  }
  EXPECT_EQ(Metric("millrace_delivery_paused_by"), 0);
  EXPECT_EQ(Metric("millrace_delivery_paused"), 0) << "of one that is gone";
}

/// Keeps what it is asked for until a test answers.
class SlowTokens {
 public:
  TokenFetch fetch() {
    return [this](const std::string& refused, TokenDone done) {
      const MutexLock lock(mutex_);
      refused_.push_back(refused);
      waiting_ = std::move(done);
    };
  }
  std::vector<std::string> refused() {
    const MutexLock lock(mutex_);
    return refused_;
  }
  /// False when nobody waits for one.
  bool Answer(const Result<std::string>& token) {
    MutexLock lock(mutex_);
    const TokenDone done = std::exchange(waiting_, nullptr);
    lock.unlock();
    if (done != nullptr) done(token);
    return done != nullptr;
  }

 private:
  Mutex mutex_;
  std::vector<std::string> refused_;  // guarded by mutex_
  TokenDone waiting_;                 // guarded by mutex_
};

TEST_F(BatchDeliveryTest, ATokenThatTakesAWhileBlocksNobodyAndIsAskedForOnce) {
  SlowTokens tokens;
  const auto delivery = Make({.max_items = 2}, tokens.fetch());
  const auto begin = clock_.Steady();
  AddNumbers(*delivery, 6);
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(delivery->Settle(Duration(0)));
  EXPECT_LT(clock_.Steady() - begin, std::chrono::seconds(5)) << "it waited for a token that never came";
  EXPECT_THAT(tokens.refused(), ElementsAre(""));
  EXPECT_TRUE(server_.bodies().empty());
  {
    // Who waits for the items is woken by the token.
    const Thread answer("token", [&] { EXPECT_TRUE(tokens.Answer(std::string("late"))); });
    EXPECT_FALSE(delivery->Settle(Duration(200))) << "the next request needs one, too";
  }
  EXPECT_FALSE(server_.bodies().empty());
  while (!delivery->Settle(Duration(20))) (void)tokens.Answer(std::string("late"));
  EXPECT_EQ(delivery->TakeOutcome().accepted, 6);
}

TEST_F(BatchDeliveryTest, ATokenServerThatFailsIsAskedAgainAndOneThatRefusesPauses) {
  SlowTokens tokens;
  const auto delivery = Make({}, tokens.fetch());
  AddNumbers(*delivery, 2);
  EXPECT_FALSE(delivery->Settle(Duration(0)));
  ASSERT_TRUE(tokens.Answer(Status::Unavailable("HTTP 503")));
  EXPECT_FALSE(delivery->Settle(Duration(50)));
  EXPECT_EQ(Metric("millrace_delivery_paused"), 0);
  ASSERT_TRUE(tokens.Answer(Status::PermissionDenied("invalid_grant")));
  EXPECT_FALSE(delivery->Settle(Duration(50)));
  EXPECT_EQ(Metric("millrace_delivery_paused"), 1);
  ASSERT_TRUE(tokens.Answer(std::string("good")));
  ASSERT_TRUE(delivery->Settle(kLong));
  EXPECT_THAT(tokens.refused(), ElementsAre("", "", ""));
  EXPECT_EQ(Metric("millrace_delivery_paused"), 0);
  EXPECT_EQ(delivery->TakeOutcome().accepted, 2);
}

TEST_F(BatchDeliveryTest, TheRefusedTokenIsNamedUntilAnotherCame) {
  SlowTokens tokens;
  server_.set_answer([](const HttpRequest& request, int) -> std::optional<HttpResponse> {
    if (*FindHeader(request.headers, "X-Token") == "new") return std::nullopt;
    return HttpResponse{401, "the token old-secret has expired"};
  });
  const auto delivery = Make({}, tokens.fetch());
  AddNumbers(*delivery, 2);
  EXPECT_FALSE(delivery->Settle(Duration(0)));
  ASSERT_TRUE(tokens.Answer(std::string("old-secret")));
  while (tokens.refused().size() < 2) EXPECT_FALSE(delivery->Settle(Duration(5)));
  ASSERT_TRUE(tokens.Answer(Status::Unavailable("HTTP 503")));
  while (tokens.refused().size() < 3) EXPECT_FALSE(delivery->Settle(Duration(5)));
  ASSERT_TRUE(tokens.Answer(std::string("new")));
  ASSERT_TRUE(delivery->Settle(kLong));
  EXPECT_THAT(tokens.refused(), ElementsAre("", "old-secret", "old-secret"));
  EXPECT_EQ(server_.bodies().size(), 2U) << "nothing was sent with the old token while another was asked for";
}

TEST_F(BatchDeliveryTest, AReasonDoesNotHoldTheTokenThatWasSent) {
  tokens_ = {"canary-token"};
  server_.set_answer([](const HttpRequest&, int) { return HttpResponse{400, "canary-token has no use"}; });
  const auto delivery = Make();
  AddNumbers(*delivery, 1);
  ASSERT_TRUE(delivery->Settle(kLong));
  EXPECT_EQ(delivery->TakeOutcome().refused.at(0).reason, "<redacted> has no use");
}

TEST_F(BatchDeliveryTest, AReasonIsCutOnlyAfterSecretsAreTakenOut) {
  tokens_ = {"canary-token-of-some-length"};
  std::string body;
  server_.set_answer([&body](const HttpRequest&, int) { return HttpResponse{400, body}; });
  for (std::size_t before = 440; before < 520; ++before) {
    body = std::string(before - 2, 'x') + " canary-token-of-some-length " + std::string(100, 'y');
    const auto delivery = Make();
    AddNumbers(*delivery, 1);
    ASSERT_TRUE(delivery->Settle(kLong));
    const std::string reason = delivery->TakeOutcome().refused.at(0).reason;
    EXPECT_THAT(reason, Not(HasSubstr("canary"))) << before;
    EXPECT_LE(reason.size(), 503U);
  }
}

TEST_F(BatchDeliveryTest, AGroupThatIsForbiddenWhileOthersAreLetInIsRefused) {
  server_.set_answer([](const HttpRequest& request, int) {
    return request.path == "/typo" ? std::optional(HttpResponse{403, "no access"}) : std::nullopt;
  });
  const auto delivery = Make({.max_items = 2, .max_in_flight = 1});
  AddNumbers(*delivery, 3, "typo");
  AddNumbers(*delivery, 3, "good");
  ASSERT_TRUE(delivery->Settle(kLong));
  EXPECT_EQ(server_.taken("good").size(), 3U);
  const auto outcome = delivery->TakeOutcome();
  EXPECT_EQ(outcome.accepted, 3);
  ASSERT_EQ(outcome.refused.size(), 3U);
  EXPECT_EQ(outcome.refused[0].reason, "403 no access; others are let in");
  EXPECT_EQ(Metric("millrace_delivery_paused"), 0);
}

TEST_F(BatchDeliveryTest, AForbiddenGroupWaitsWhileItIsTheOnlyOne) {
  int forbidden = 3;
  server_.set_answer([&forbidden](const HttpRequest&, int number) {
    return number > 1 && number <= 1 + forbidden ? std::optional(HttpResponse{403, "no access"})
                                                 : std::nullopt;
  });
  const auto delivery = Make({.max_items = 1, .max_in_flight = 1});
  AddNumbers(*delivery, 3);
  ASSERT_TRUE(delivery->Settle(kLong));
  EXPECT_EQ(delivery->TakeOutcome().accepted, 3);
}

TEST_F(BatchDeliveryTest, ARefusalOfEverythingPausesBeforeAllAreRefused) {
  server_.set_answer([](const HttpRequest&, int) { return HttpResponse{400, "no such list"}; });
  const auto delivery = Make({.most_refused_in_row = 5});
  AddNumbers(*delivery, 100);
  EXPECT_FALSE(delivery->Settle(Duration(200)));
  EXPECT_EQ(delivery->TakeOutcome().refused.size(), 5U);
  EXPECT_EQ(Metric("millrace_delivery_paused"), 1);
  server_.set_answer(nullptr);
  ASSERT_TRUE(delivery->Settle(kLong));
  const auto outcome = delivery->TakeOutcome();
  EXPECT_EQ(outcome.accepted, 95);
  EXPECT_TRUE(outcome.refused.empty());
  EXPECT_EQ(Metric("millrace_delivery_paused"), 0);
}

TEST_F(BatchDeliveryTest, RequestsKeepToTheRate) {
  limiter_.SetBucket("token", 50, 1);
  const auto delivery = Make({.max_items = 1, .buckets = {"token"}});
  const auto begin = clock_.Steady();
  AddNumbers(*delivery, 6);
  ASSERT_TRUE(delivery->Settle(kLong));
  EXPECT_GE(clock_.Steady() - begin, std::chrono::milliseconds(95)) << "one at once, and five every 20 ms";
  EXPECT_EQ(delivery->TakeOutcome().accepted, 6);
}

TEST_F(BatchDeliveryTest, TooManyRequestsPauseTheBucketThatIsNamed) {
  limiter_.SetBucket("token", 1'000, 1'000);
  limiter_.SetBucket("app", 1'000, 1'000);
  server_.set_answer([](const HttpRequest&, int) {
    return HttpResponse{429, "", "text/plain", {{"Retry-After", "30"}}};
  });
  const auto delivery = Make({.buckets = {"token", "app"}, .paused_bucket = "token"});
  AddNumbers(*delivery, 1);
  EXPECT_FALSE(delivery->Settle(Duration(20)));
  for (int i = 0; i < 1'000 && Metric("millrace_delivery_retries_total") == 0; ++i)
    EXPECT_FALSE(delivery->Settle(Duration(20)));
  EXPECT_GT(limiter_.TryTake({"token"}), Duration(20'000));
  EXPECT_EQ(limiter_.TryTake({"app"}), Duration(0));
}

TEST_F(BatchDeliveryTest, ASettleOnAClockThatStandsStillEnds) {
  const ManualClock still(EventTime(0));
  const LineApi nowhere("127.0.0.1:1");
  BatchDelivery delivery({.step = "s"},
                         {.api = &nowhere,
                          .client = client_.get(),
                          .limiter = &limiter_,
                          .token = FixedToken("t"),
                          .clock = &still,
                          .metrics = &metrics_,
                          .trouble = &trouble_,
                          .token_trouble = &trouble_},
                         Random(1));
  AddNumbers(delivery, 1);
  EXPECT_FALSE(delivery.Settle(Duration(30)));
}

}  // namespace
}  // namespace millrace
