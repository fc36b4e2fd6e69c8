#include <cmath>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/batch_delivery_harness.h"

namespace millrace {
namespace {

using testing::HasSubstr;
using testing::Not;

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

TEST_F(BatchDeliveryTest, OnlyRefusalsThatSayTheSameAreARowWhereThatIsAskedFor) {
  server_.set_answer([](const HttpRequest&, int number) {
    return HttpResponse{400, "reason " + std::to_string(number % 2)};
  });
  const auto delivery =
      Make({.max_items = 1, .max_in_flight = 1, .most_refused_in_row = 5, .refused_alike = true});
  AddNumbers(*delivery, 100);
  ASSERT_TRUE(delivery->Settle(kLong)) << "many are bad, each for its own reason";
  EXPECT_EQ(delivery->TakeOutcome().refused.size(), 100U);
  server_.set_answer([](const HttpRequest&, int) { return HttpResponse{400, "the only reason"}; });
  testing::internal::CaptureStderr();
  AddNumbers(*delivery, 100);
  EXPECT_FALSE(delivery->Settle(Duration(200)));
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("the only reason; 5 before it were refused one after the other, each for that"));
  EXPECT_EQ(delivery->TakeOutcome().refused.size(), 5U);
  EXPECT_THAT(metrics_.ToPrometheusText(),
              HasSubstr(R"(millrace_delivery_paused_by{step="sink-1",cause="refusals"} 1)"));
}

TEST_F(BatchDeliveryTest, WhatIsBlockedIsWaitedForAlsoWhereOthersAreLetIn) {
  server_.set_answer([](const HttpRequest& request, int) {
    return request.path == "/here" ? std::optional(HttpResponse{451, "<html>no</html>"}) : std::nullopt;
  });
  const auto delivery = Make({.max_items = 2});
  AddNumbers(*delivery, 3, "good");
  ASSERT_TRUE(delivery->Settle(kLong));
  AddNumbers(*delivery, 3, "here");
  EXPECT_FALSE(delivery->Settle(Duration(100)));
  EXPECT_EQ(Metric("millrace_delivery_paused"), 1);
  EXPECT_THAT(metrics_.ToPrometheusText(),
              HasSubstr(R"(millrace_delivery_paused_by{step="sink-1",cause="right"} 1)"));
  EXPECT_TRUE(delivery->TakeOutcome().refused.empty());
  server_.set_answer(nullptr);
  ASSERT_TRUE(delivery->Settle(kLong));
  const auto outcome = delivery->TakeOutcome();
  EXPECT_EQ(outcome.accepted, 3);
  EXPECT_TRUE(outcome.refused.empty());
  EXPECT_EQ(Metric("millrace_delivery_paused"), 0);
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

}  // namespace
}  // namespace millrace
