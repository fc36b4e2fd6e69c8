#include "http/batch_delivery.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "env/thread.h"
#include "http/batch_delivery_harness.h"

namespace millrace {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

TEST_F(BatchDeliveryTest, ABatchHasItemsOfOneGroupAndIsFullByCountOrBytes) {
  const auto delivery = Make({.max_items = 3, .max_bytes = ByteCount(10)});
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

TEST_F(BatchDeliveryTest, ABodyIsAsLargeAsItMayBeAndNoLarger) {
  for (std::int64_t most = 24; most < 60; ++most) {
    const auto delivery = Make({.max_bytes = ByteCount(most)});
    const std::size_t before = server_.bodies().size();
    AddNumbers(*delivery, 10);
    ASSERT_TRUE(delivery->Settle(kLong));
    const std::vector<std::string> bodies = server_.bodies();
    std::int64_t largest = 0;
    for (std::size_t i = before; i < bodies.size(); ++i)
      largest = std::max(largest, static_cast<std::int64_t>(bodies[i].size()));
    EXPECT_EQ(largest, most / 7 * 7) << "lines of 7 bytes, of at most " << most;
  }
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
