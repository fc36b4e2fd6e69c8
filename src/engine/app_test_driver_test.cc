// The public test driver, used as a user would.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "millrace/millrace.h"
#include "millrace/test_driver.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

App Bids() {
  App app({.name = "bids", .kafka = {{"bootstrap.servers", "nowhere:1"}}, .dead_letter_topic = "dead"});
  app.From(Topic("bids")
               .Json(schema({{"ts", timestamp_ms()}, {"auction", int64()}, {"price", float64()}}))
               .EventTime("ts"))
      .Filter(col("price") > 50)
      .Window(Tumbling(1min).By("auction"))
      .Aggregate({count("bids"), max("price", "best")})
      .To(Topic("out").Json().Key("auction"));
  return app;
}

TEST(AppTest, RowsComeWhenTheClockClosesTheirWindow) {
  auto test = AppTest::Make(Bids());
  ASSERT_TRUE(test.ok()) << test.message();
  for (const char* bid : {R"({"ts": 0, "auction": 1, "price": 60})", R"({"ts": 1, "auction": 1, "price": 9})",
                          R"({"ts": 2, "auction": 1, "price": 70})", "broken"}) {
    const AppTestStatus fed = test->Feed("bids", bid);
    ASSERT_TRUE(fed.ok()) << fed.message();
  }
  EXPECT_THAT(*test->Rows("sink-1"), ElementsAre());
  ASSERT_TRUE(test->Advance(2min).ok());
  EXPECT_THAT(*test->Rows("sink-1"),
              ElementsAre(R"({"auction":1,"window_start":0,"window_end":60000,"bids":2,"best":70})"));
  ASSERT_EQ((*test->Records("out")).size(), 1U);
  EXPECT_EQ((*test->Records("out"))[0].key, "1");
  EXPECT_EQ(test->dead_letters(), 1);
  ASSERT_TRUE(test->Feed("bids", R"({"ts": 5, "auction": 1, "price": 99})").ok());
  EXPECT_EQ(test->late_rows(), 1);
}

TEST(AppTest, MistakesAreValues) {
  App invalid({.name = "p"});
  invalid.From(Topic("t").Json(schema({{"a", int64()}}))).Filter(col("b") > 1).To(Topic("o"));
  const auto refused = AppTest::Make(invalid);
  EXPECT_FALSE(refused.ok());
  EXPECT_THAT(refused.message(), HasSubstr("unknown column 'b'"));

  auto test = AppTest::Make(Bids());
  ASSERT_TRUE(test.ok()) << test.message();
  EXPECT_THAT(test->Feed("bid", "{}").message(), HasSubstr("'bid'"));
  EXPECT_THAT(test->Rows("sink-2").message(), HasSubstr("'sink-2'"));
  EXPECT_THAT(test->Records("nowhere").message(), HasSubstr("'nowhere'"));
}

TEST(AppTest, LeadsComeAsTheirWebhookWritesThemAndPassOnce) {
  App app({.name = "leads"});
  app.From(SnapchatLeads{.listen = ":8443", .secret = "s", .header = "X-Signature", .step_name = "forms"})
      .Select({"lead_id", "email"})
      .To(Topic("out").Json().Key("lead_id"));
  auto test = AppTest::Make(app);
  ASSERT_TRUE(test.ok()) << test.message();
  for (const char* id : {"a", "b", "a"}) {
    const AppTestStatus fed = test->Feed(
        "leads-forms-feed", {.key = id, .value = R"({"lead_id":")" + std::string(id) + R"(","email":"e"})"});
    ASSERT_TRUE(fed.ok()) << fed.message();
  }
  EXPECT_THAT(*test->Rows("sink-1"),
              ElementsAre(R"({"lead_id":"a","email":"e"})", R"({"lead_id":"b","email":"e"})"));
}

TEST(AppTest, AFailureThatWouldStopThePipelineIsReturned) {
  App app({.name = "p"});
  app.From(Topic("t").Json(schema({{"a", int64()}}))).To(Topic("o"));
  auto test = AppTest::Make(app);
  ASSERT_TRUE(test.ok()) << test.message();
  EXPECT_THAT(test->Feed("t", "broken").message(), HasSubstr("t[0] offset 0"));
}

TEST(AppTestDeathTest, TheValueOfAFailureEndsTheProcessWithItsMessage) {
  auto test = AppTest::Make(Bids());
  ASSERT_TRUE(test.ok()) << test.message();
  EXPECT_DEATH((void)*test->Rows("nope"), "no sink named 'nope'");
}

}  // namespace
}  // namespace millrace
