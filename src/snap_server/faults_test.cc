#include "snap_server/faults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "snap_server/snap_server_harness.h"

namespace millrace::snap {
namespace {

using testing::HasSubstr;

TEST(Faults, AreReadFromAText) {
  EXPECT_EQ(Faults::Parse("429:0.25")->first, "429");
  EXPECT_EQ(Faults::Parse("429:0.25")->second, 0.25);
  EXPECT_EQ(Faults::Parse("cut:1")->second, 1.0);
  const struct {
    const char* text;
    const char* why;
  } cases[] = {
      {"slwo:0.1", "did you mean 'slow'?"},
      {"", "there is no fault ''"},
      {"429", "from 0 to 1"},
      {"429:", "from 0 to 1"},
      {"429:1.1", "from 0 to 1"},
      {"429:-0.1", "from 0 to 1"},
      {"429:half", "from 0 to 1"},
      {"429:nan", "from 0 to 1"},
      {"429:0.5x", "from 0 to 1"},
  };
  for (const auto& c : cases) {
    const auto parsed = Faults::Parse(c.text);
    ASSERT_FALSE(parsed.ok()) << c.text;
    EXPECT_THAT(parsed.status().message(), HasSubstr(c.why)) << c.text;
  }
}

TEST(Faults, HappenAtAboutTheirRate) {
  Faults faults(7);
  ASSERT_TRUE(faults.Set("500", 0.2).ok());
  int happened = 0;
  for (int i = 0; i < 10'000; ++i) happened += faults.Pick(Api::kConversions).has_value() ? 1 : 0;
  EXPECT_GT(happened, 1'800);
  EXPECT_LT(happened, 2'200);
  EXPECT_EQ(faults.counts().at("500"), happened);
  for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(faults.Pick(Api::kOwn).has_value());
}

TEST(Faults, OfEventsDoNotHappenToTokens) {
  Faults faults(7);
  ASSERT_TRUE(faults.Set("invalid", 1).ok());
  ASSERT_TRUE(faults.Set("expired", 1).ok());
  ASSERT_TRUE(faults.Set("invalid_token", 1).ok());
  EXPECT_FALSE(faults.Pick(Api::kOAuth).has_value());
  EXPECT_TRUE(faults.Pick(Api::kMarketing).has_value());
}

class FaultyServer : public SnapServerTest {
 protected:
  void StartWith(const std::string& fault) {
    SnapServerOptions options = WithoutBound();
    options.faults = {{fault, 1.0}};
    options.slow = Duration(2'000);
    Start(options);
  }
  std::int64_t Accepted() { return Received()["totals"].at("accepted").as_int64(); }
};

TEST_F(FaultyServer, WhatIsAnsweredBeforehandTakesNothing) {
  const struct {
    const char* fault;
    int status;
    const char* text;
  } cases[] = {
      {"429", 429, "Too many requests"}, {"500", 500, "INVALID"},
      {"503", 503, "upstream"},          {"invalid", 200, R"("status":"INVALID")"},
      {"expired", 401, "expired"},       {"invalid_token", 400, R"("reason":"Invalid access token")"}};
  for (const auto& c : cases) {
    StartWith(c.fault);
    const Answered answered = PostEvents("pixel", EventWith());
    EXPECT_EQ(answered.status, c.status) << c.fault;
    EXPECT_THAT(answered.text, HasSubstr(c.text)) << c.fault;
    EXPECT_EQ(Accepted(), 0) << c.fault;
    EXPECT_EQ(Received()["faults"].at(c.fault), 1) << c.fault;
  }
}

TEST_F(FaultyServer, AnInvalidAnswerOfTheMarketingApiIsAnErrorInside200) {
  StartWith("invalid");
  const Answered answered = Get("/v1/me/organizations");
  EXPECT_EQ(answered.status, 200);
  EXPECT_EQ(answered.Text("request_status"), "ERROR");
}

TEST_F(FaultyServer, ACutAnswerComesAfterTheEventsWereTaken) {
  StartWith("cut");
  EXPECT_EQ(PostEvents("pixel", EventWith()).status, 0);
  EXPECT_EQ(Accepted(), 1);
}

TEST_F(FaultyServer, ASlowAnswerComesWhenItsTimeHasPassed) {
  StartWith("slow");
  Mutex mutex;
  ConditionVariable changed;
  int status = -1;
  ASSERT_TRUE(client_
                  ->Send({"POST",
                          server_->facts().url + "/v3/pixel/events?access_token=snap-token",
                          {},
                          R"({"data":[)" + EventWith() + "]}"},
                         [&](const Result<ClientResponse>& response) {
                           const MutexLock lock(mutex);
                           status = response.ok() ? response->status : 0;
                           changed.notify_all();
                         })
                  .ok());
  for (int i = 0; i < 20'000 && Accepted() == 0; ++i) {
  }
  EXPECT_EQ(Accepted(), 1);
  {
    const MutexLock lock(mutex);
    EXPECT_EQ(status, -1);  // taken, and not answered: the clock stands still
  }
  clock_.Advance(Duration(2'000));
  MutexLock lock(mutex);
  EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(20), [&] { return status != -1; }));
  EXPECT_EQ(status, 200);
}

TEST_F(FaultyServer, RatesChangeWhileItRuns) {
  Start();
  EXPECT_EQ(PostEvents("pixel", EventWith()).status, 200);
  EXPECT_EQ(Post("/_faults", R"({"503": 1})").text, R"({"503":1E0})");
  EXPECT_EQ(PostEvents("pixel", EventWith()).status, 503);
  EXPECT_EQ(Get("/_faults").text, R"({"503":1E0})");
  const Answered refused = Post("/_faults", R"({"503": 0, "sloww": 1})");
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.Text("error"), HasSubstr("did you mean 'slow'?"));
  EXPECT_EQ(PostEvents("pixel", EventWith()).status, 503);  // all or nothing
  for (const char* bad : {"[]", "", R"({"503": "1"})", R"({"503": 2})"}) {
    EXPECT_EQ(Post("/_faults", bad).status, 400) << bad;
  }
  EXPECT_EQ(Post("/_faults", R"({"503": 0})").text, "{}");
  EXPECT_EQ(PostEvents("pixel", EventWith()).status, 200);
}

}  // namespace
}  // namespace millrace::snap
