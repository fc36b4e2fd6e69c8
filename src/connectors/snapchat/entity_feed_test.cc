#include "connectors/snapchat/entity_feed.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/snapchat/entity_rows.h"
#include "connectors/snapchat/marketing_stand_in.h"
#include "env/file.h"
#include "env/random.h"

namespace millrace {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string Entity(const std::string& id, const std::string& more = "") {
  return R"({"id":")" + id + R"(","name":"n)" + id + R"(","updated_at":"2026-01-01T00:00:00.000Z")" + more +
         "}";
}

class EntityFeedTest : public testing::Test {
 protected:
  EntityFeedTest() {
    snap_.SetList("me/organizations", "organizations", "organization", {Entity("o1")});
    snap_.SetList("organizations/o1/adaccounts", "adaccounts", "adaccount", {Entity("a1"), Entity("a2")});
    SetCampaigns("a1", {Entity("c1"), Entity("c2"), Entity("c3")});
    SetCampaigns("a2", {Entity("c4")});
    for (const char* account : {"a1", "a2"})
      snap_.SetList("adaccounts/" + std::string(account) + "/ads", "ads", "ad",
                    {Entity(std::string("d-") + account)});
  }

  void SetCampaigns(const std::string& account, std::vector<std::string> campaigns) {
    snap_.SetList("adaccounts/" + account + "/campaigns", "campaigns", "campaign", std::move(campaigns));
  }

  std::unique_ptr<FeedSource> Make(EntityFeedOptions options = {}) {
    options.source = "source-1";
    if (options.kinds.empty()) options.kinds = {"organizations", "ad_accounts", "campaigns", "ads"};
    if (options.access.url == MarketingAccess().url) options.access.url = snap_.url();
    options.access.per_second = 1'000;
    if (!options.access.oauth) options.access.access_token = "token-0";
    return *MakeEntityFeed(std::move(options), clock_, metrics_);
  }

  std::vector<std::string> Keys() const {
    std::vector<std::string> keys;
    for (const auto& [key, value] : table_.rows) keys.push_back(key);
    return keys;
  }
  /// A walk through everything, with what is committed.
  void Walk(FeedSource& source) {
    clock_.Advance(Duration(3'600'000));
    table_.Drain(source, clock_);
  }

  ManualClock clock_{EventTime(1'767'268'800'000)};  // 2026-01-01T12:00:00Z
  MetricRegistry metrics_;
  MarketingStandIn snap_;
  FedTable table_;
};

TEST_F(EntityFeedTest, WalksTheTreeThroughAllPages) {
  const auto source = Make();
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  EXPECT_TRUE(table_.error.ok()) << table_.error.ToString();
  EXPECT_THAT(Keys(), ElementsAre("ad/d-a1", "ad/d-a2", "ad_account/a1", "ad_account/a2", "campaign/c1",
                                  "campaign/c2", "campaign/c3", "campaign/c4", "organization/o1"));
  EXPECT_THAT(snap_.TakeAsked(),
              ElementsAre("me/organizations?limit=500", "organizations/o1/adaccounts?limit=500",
                          "adaccounts/a1/ads?limit=500", "adaccounts/a1/campaigns?limit=500",
                          "adaccounts/a1/campaigns?cursor=2", "adaccounts/a2/ads?limit=500",
                          "adaccounts/a2/campaigns?limit=500"));
  EXPECT_EQ(table_.rows["campaign/c4"],
            R"({"key":"campaign/c4","kind":"campaign","id":"c4","organization_id":"o1","ad_account_id":"a2",)"
            R"("name":"nc4","updated_at":"2026-01-01T00:00:00.000Z","object":)" +
                Entity("c4") + "}");
}

TEST_F(EntityFeedTest, OnlyWhatChangedIsBroughtAgainAndNothingBeforeItIsDue) {
  const auto source = Make();
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  snap_.TakeAsked();
  table_.records = 0;
  table_.Drain(*source, clock_);
  EXPECT_THAT(snap_.TakeAsked(), IsEmpty());
  SetCampaigns("a1", {Entity("c1"), R"({"id":"c2","name":"other","updated_at":"2026-01-02T00:00:00.000Z"})",
                      Entity("c3"), Entity("c5")});
  Walk(*source);
  EXPECT_EQ(table_.records, 2);
  EXPECT_EQ(snap_.TakeAsked().size(), 7U);
  EXPECT_THAT(table_.rows["campaign/c2"], HasSubstr("\"name\":\"other\""));
}

TEST_F(EntityFeedTest, WhatChangesWithoutANewDateIsBroughtAgainOverARestartToo) {
  auto source = Make();
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  table_.records = 0;
  SetCampaigns("a2", {Entity("c4", R"(,"review_status":"APPROVED")")});
  Walk(*source);
  EXPECT_EQ(table_.records, 1);
  EXPECT_THAT(table_.rows["campaign/c4"], HasSubstr(R"("review_status":"APPROVED")"));
  source = Make();
  ASSERT_TRUE(source->Open(table_.positions).ok());
  Walk(*source);
  EXPECT_EQ(table_.records, 1) << "it is known over a restart";
  SetCampaigns("a2", {Entity("c4", R"(,"review_status":"REJECTED")")});
  Walk(*source);
  EXPECT_EQ(table_.records, 2);
  EXPECT_THAT(table_.rows["campaign/c4"], HasSubstr(R"("review_status":"REJECTED")"));
}

TEST_F(EntityFeedTest, AnOldAccountIsLookedIntoAllTheSame) {
  const auto source = Make();
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  // The account says that it did not change; a campaign of it did.
  SetCampaigns("a2", {Entity("c4"), R"({"id":"c9","updated_at":"2026-03-01T00:00:00.000Z"})"});
  Walk(*source);
  EXPECT_THAT(Keys(), Contains("campaign/c9"));
}

TEST_F(EntityFeedTest, WhatIsGoneLeavesATombstoneWithAllBelowIt) {
  const auto source = Make();
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  SetCampaigns("a1", {Entity("c1"), Entity("c3")});
  snap_.SetList("organizations/o1/adaccounts", "adaccounts", "adaccount", {Entity("a1")});
  Walk(*source);
  EXPECT_THAT(Keys(),
              ElementsAre("ad/d-a1", "ad_account/a1", "campaign/c1", "campaign/c3", "organization/o1"));
  EXPECT_EQ(table_.tombstones, 4);
  EXPECT_EQ(table_.positions.size(), 6U) << "nothing is kept of what is gone";
}

TEST_F(EntityFeedTest, AForbiddenAccountStopsNoOtherAndDeletesNothing) {
  const auto source = Make();
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  snap_.Forbid("adaccounts/a1");
  SetCampaigns("a2", {Entity("c4"), Entity("c6")});
  Walk(*source);
  EXPECT_TRUE(table_.error.ok());
  EXPECT_EQ(table_.tombstones, 0);
  EXPECT_THAT(Keys(), Contains("campaign/c6"));
  EXPECT_EQ(metrics_.Sum("millrace_feed_parts_skipped_total"), 2);
  snap_.Forbid("adaccounts/a1", false);
  SetCampaigns("a1", {Entity("c1")});
  Walk(*source);
  EXPECT_EQ(table_.tombstones, 2);
}

TEST_F(EntityFeedTest, ATokenWithoutRightsPausesAndGoesOnWhenItHasThem) {
  const auto source = Make();
  snap_.Forbid("me/organizations");
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  EXPECT_EQ(table_.error.code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(table_.error.message(), HasSubstr("me/organizations: HTTP 403, ERROR, E3002, no access"));
  snap_.Forbid("me/organizations", false);
  table_.Drain(*source, clock_);
  EXPECT_EQ(table_.rows.size(), 9U);
}

TEST_F(EntityFeedTest, OfChosenAccountsOneThatIsForbiddenStopsNoOtherAndAllOfThemPauseTheSource) {
  for (const char* id : {"a1", "a2"})
    snap_.SetList("adaccounts/" + std::string(id), "adaccounts", "adaccount", {Entity(id)});
  const auto source = Make({.ad_account_ids = {"a1", "a2"}});
  snap_.Forbid("adaccounts/a1");
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  EXPECT_TRUE(table_.error.ok()) << table_.error.ToString();
  EXPECT_THAT(Keys(), ElementsAre("ad/d-a2", "ad_account/a2", "campaign/c4"));
  snap_.Forbid("adaccounts/a2");
  Walk(*source);
  EXPECT_EQ(table_.error.code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(table_.tombstones, 0);
  for (const char* id : {"a1", "a2"}) snap_.Forbid("adaccounts/" + std::string(id), false);
  table_.Drain(*source, clock_);
  EXPECT_EQ(table_.rows.size(), 8U);
}

TEST_F(EntityFeedTest, AnErrorUnderHttp200IsAnError) {
  const auto source = Make({.ad_account_ids = {"a1"}});
  snap_.Answer({{200, R"({"request_status":"ERROR","error_code":"E1008","debug_message":"Unsupported"})"}});
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  EXPECT_EQ(table_.error.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(table_.error.message(), HasSubstr("HTTP 200, ERROR, E1008, Unsupported"));
}

TEST_F(EntityFeedTest, AnElementThatSnapCouldNotReadDeletesNothing) {
  const auto source = Make();
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  snap_.Answer({{200, R"({"request_status":"SUCCESS","organizations":[{"sub_request_status":"ERROR",)"
                      R"("sub_request_error_reason":"x","organization":{}}]})"}});
  Walk(*source);
  EXPECT_EQ(table_.tombstones, 0);
  EXPECT_EQ(table_.rows.size(), 9U);
}

TEST_F(EntityFeedTest, ANextPageElsewhereGetsNoToken) {
  MarketingStandIn elsewhere;
  snap_.SetNextOrigin(elsewhere.url());
  const auto source = Make({.ad_account_ids = {"a1"}, .kinds = {"campaigns"}});
  ASSERT_TRUE(source->Open({}).ok());
  snap_.SetList("adaccounts/a1", "adaccounts", "adaccount", {Entity("a1")});
  table_.Drain(*source, clock_);
  EXPECT_THAT(Keys(), ElementsAre("campaign/c1", "campaign/c2")) << "the page before it was read";
  EXPECT_EQ(table_.error.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(table_.error.message(), HasSubstr("the token does not go there"));
  EXPECT_THAT(elsewhere.TakeAsked(), IsEmpty());
  snap_.SetNextOrigin("");
  table_.Drain(*source, clock_);
  EXPECT_THAT(Keys(), ElementsAre("campaign/c1", "campaign/c2", "campaign/c3"));
}

TEST_F(EntityFeedTest, AUserInTheUrlIsNamedNowhere) {
  snap_.SetNextOrigin("http://elsewhere");
  snap_.SetList("adaccounts/a1", "adaccounts", "adaccount", {Entity("a1")});
  EntityFeedOptions options{.ad_account_ids = {"a1"}, .kinds = {"campaigns"}};
  options.access.url = snap_.url().insert(std::string("http://").size(), "me:canary@");
  const auto source = Make(std::move(options));
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  EXPECT_THAT(table_.error.message(), HasSubstr("the token does not go there"));
  EXPECT_THAT(table_.error.message(), Not(HasSubstr("canary")));
}

TEST_F(EntityFeedTest, AKillAfterAnyBatchLosesAndRepeatsNothing) {
  for (int committed = 0; committed < 12; ++committed) {
    table_ = {};
    auto source = Make();
    ASSERT_TRUE(source->Open({}).ok());
    table_.Drain(*source, clock_, committed);
    source = Make();
    snap_.TakeAsked();
    ASSERT_TRUE(source->Open(table_.positions).ok());
    table_.Drain(*source, clock_);
    EXPECT_EQ(table_.rows.size(), 9U) << committed;
    EXPECT_EQ(table_.records, 9) << committed;
    EXPECT_EQ(table_.tombstones, 0) << committed;
    if (committed >= 3) {
      EXPECT_THAT(snap_.TakeAsked(), Not(Contains("me/organizations?limit=500"))) << "goes on where it was";
    }
  }
}

TEST_F(EntityFeedTest, WhatIsLostBeforeItsCommitIsBroughtAgain) {
  const auto source = Make();
  ASSERT_TRUE(source->Open({}).ok());
  for (int lost = 0; lost < 4; ++lost) {
    FedTable thrown_away;
    thrown_away.Drain(*source, clock_, 1 + lost);
    ASSERT_TRUE(source->Open(table_.positions).ok());
  }
  table_.Drain(*source, clock_);
  EXPECT_EQ(table_.rows.size(), 9U);
}

TEST_F(EntityFeedTest, StormsAreWaitedOut) {
  const auto source = Make();
  snap_.Answer({{429, ""},
                {503, "upstream"},
                {500, "{}"},
                {200, "not Snap"},
                {429, "", "text/plain", {{"Retry-After", "1"}}}});
  ASSERT_TRUE(source->Open({}).ok());
  for (int i = 0; i < 200 && table_.rows.size() < 9; ++i) {
    clock_.Advance(Duration(1'000));
    table_.Drain(*source, clock_, 1);
  }
  EXPECT_EQ(table_.rows.size(), 9U);
  EXPECT_EQ(metrics_.Sum("millrace_feed_request_retries_total"), 5);
}

TEST_F(EntityFeedTest, AStormIsSaidOnceAndThatItIsOver) {
  const auto source = Make();
  ASSERT_TRUE(source->Open({}).ok());
  snap_.Answer(std::vector<HttpResponse>(8, HttpResponse{503, ""}));
  testing::internal::CaptureStderr();
  for (int i = 0; i < 300 && table_.rows.empty(); ++i) {
    table_.Apply(*source->Next(Duration(20)));
    clock_.Advance(Duration(1'000));
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_FALSE(table_.rows.empty());
  const auto lines = [&log](const std::string& words) {
    int count = 0;
    for (std::size_t at = log.find(words); at != std::string::npos; at = log.find(words, at + 1)) ++count;
    return count;
  };
  EXPECT_EQ(lines("Snap did not answer; asking again source=source-1"), 1) << log;
  EXPECT_EQ(lines("Snap answers again source=source-1"), 1) << log;
  EXPECT_LE(lines("Snap still does not answer"), 7) << "one every ten seconds";
}

TEST_F(EntityFeedTest, TokensAreFetchedOnceAndReplacedWhenTheyExpire) {
  EntityFeedOptions options;
  options.access.oauth = OAuthOptions{.token_url = snap_.url() + "/token",
                                      .client_id = "me",
                                      .client_secret = "client-secret",
                                      .refresh_token = "refresh-secret"};
  const auto source = Make(options);
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  EXPECT_EQ(table_.rows.size(), 9U);
  EXPECT_EQ(snap_.tokens_given(), 1);
  Walk(*source);  // an hour later: before it is used
  EXPECT_EQ(snap_.tokens_given(), 2);
  clock_.Advance(Duration(60'000));
  snap_.SetToken("taken back");
  snap_.TakeAsked();
  clock_.Advance(Duration(3'540'000 - 1'800'000));
  Walk(*source);
  EXPECT_EQ(table_.error.ToString(), "ok");
  EXPECT_GE(snap_.tokens_given(), 3);
}

TEST_F(EntityFeedTest, ATokenThatIsRefusedWithoutHttp401IsReplacedToo) {
  EntityFeedOptions options;
  options.access.oauth = OAuthOptions{.token_url = snap_.url() + "/token",
                                      .client_id = "client",
                                      .client_secret = "client-secret",
                                      .refresh_token = "refresh-secret",
                                      .min_life = Duration(0)};
  const auto source = Make(std::move(options));
  snap_.Answer(
      {{400, R"({"request_status":"ERROR","error_code":"E1001","debug_message":"Invalid access token"})"},
       {200, R"({"request_status":"ERROR","debug_message":"The access token expired"})"}});
  ASSERT_TRUE(source->Open({}).ok());
  Walk(*source);
  EXPECT_EQ(table_.error.ToString(), "ok");
  EXPECT_EQ(snap_.tokens_given(), 3);
  EXPECT_EQ(table_.rows.size(), 9U);
}

TEST_F(EntityFeedTest, ASourceKeepsThePaceThatItSharesWithSinks) {
  EntityFeedOptions options;
  options.access.shared = std::make_shared<SnapAccesses>(clock_);
  const auto sink = *options.access.shared->Get(
      {.url = snap_.url(), .login = {.access_token = "token-0", .oauth = {}}, .per_second = 1});
  const auto source = Make(std::move(options));
  ASSERT_TRUE(source->Open({}).ok());
  ASSERT_EQ(sink.limiter->TryTake(sink.buckets()), Duration(0));
  for (int i = 0; i < 3; ++i) table_.Apply(*source->Next(Duration(20)));
  EXPECT_TRUE(snap_.TakeAsked().empty());
  for (int i = 0; i < 100 && snap_.TakeAsked().empty(); ++i) {
    clock_.Advance(Duration(1'000));
    table_.Apply(*source->Next(Duration(20)));
  }
  EXPECT_NE(sink.limiter->TryTake(sink.buckets()), Duration(0)) << "the source took it";
}

TEST_F(EntityFeedTest, ATokenThatIsRefusedIsNamedNowhere) {
  snap_.SetToken("another");
  const auto source = Make();
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  EXPECT_EQ(table_.error.code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(table_.error.message(), HasSubstr("renew it"));
  EXPECT_THAT(table_.error.message(), Not(HasSubstr("token-0")));
  snap_.SetToken("token-0");
  table_.Drain(*source, clock_);
  EXPECT_EQ(table_.rows.size(), 9U);
}

TEST_F(EntityFeedTest, ATokenOfAFileIsReadAgainWhenItIsRefused) {
  const std::string path = testing::TempDir() + "/token-" + RandomId();
  ASSERT_TRUE(WriteFileAtomically(path, "token-0\n").ok());
  EntityFeedOptions options;
  options.access.access_token_file = path;
  const auto source = Make(std::move(options));
  snap_.SetToken("token-9");
  ASSERT_TRUE(source->Open({}).ok());
  for (int i = 0; i < 100 && table_.error.ok(); ++i) table_.Drain(*source, clock_);
  EXPECT_EQ(table_.error.code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(table_.error.message(),
              testing::AllOf(HasSubstr("HTTP 401"), HasSubstr(path), Not(HasSubstr("token-0"))));
  ASSERT_TRUE(WriteFileAtomically(path, "token-9\n").ok());
  for (int i = 0; i < 100 && table_.rows.size() < 9; ++i) table_.Drain(*source, clock_);
  EXPECT_EQ(table_.rows.size(), 9U);
  EXPECT_TRUE(RemoveAll(path).ok());
}

TEST(EntityRows, MoneyIsExact) {
  const std::pair<std::int64_t, const char*> cases[] = {{0, "0.000000"},
                                                        {1, "0.000001"},
                                                        {-1, "-0.000001"},
                                                        {1'500'000, "1.500000"},
                                                        {-1'500'000, "-1.500000"},
                                                        {123'456'789'012, "123456.789012"},
                                                        {INT64_MAX, "9223372036854.775807"},
                                                        {INT64_MIN, "-9223372036854.775808"}};
  for (const auto& [micro, text] : cases) EXPECT_EQ(FromMicro(micro), text);
}

}  // namespace
}  // namespace millrace
