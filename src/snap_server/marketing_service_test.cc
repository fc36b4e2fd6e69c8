#include "snap_server/marketing_service.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "snap_server/snap_server_harness.h"

namespace millrace::snap {
namespace {

using testing::HasSubstr;

class Marketing : public SnapServerTest {
 protected:
  void SetUp() override { Start(); }

  /// The ids of all pages of a list.
  std::vector<std::string> Walk(std::string path, const std::string& plural, const std::string& singular) {
    std::vector<std::string> ids;
    for (int pages = 0; !path.empty() && pages < 100; ++pages) {
      const Answered page = Get(path);
      EXPECT_EQ(page.status, 200) << page.text;
      for (const json::value& item : page[plural].as_array()) {
        EXPECT_EQ(item.as_object().at("sub_request_status"), "SUCCESS");
        ids.push_back(TextMember(item.as_object().at(singular).as_object(), "id"));
      }
      path = TextMember(page["paging"].as_object(), "next_link");
      EXPECT_TRUE(path.empty() || path.starts_with(server_->facts().url)) << path;
    }
    return ids;
  }
};

TEST_F(Marketing, AWalkThroughThePagesFindsEverythingOnce) {
  const std::string ads = AccountPath("Los Angeles") + "/ads";
  const std::vector<std::string> all = Walk(ads, "ads", "ad");
  EXPECT_EQ(all.size(), 240U);
  EXPECT_EQ(Walk(ads + "?limit=50", "ads", "ad"), all);
  EXPECT_EQ(Walk(ads + "?limit=120", "ads", "ad"), all);  // the last page is full
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size());
}

TEST_F(Marketing, ThePageSizeHasBounds) {
  const std::string ads = AccountPath("Los Angeles") + "/ads";
  for (const char* limit : {"50", "1000"}) EXPECT_EQ(Get(ads + "?limit=" + limit).status, 200) << limit;
  for (const char* limit : {"0", "49", "1001", "-1", "many"}) {
    const Answered answered = Get(ads + "?limit=" + limit);
    EXPECT_EQ(answered.status, 400) << limit;
    EXPECT_EQ(answered.Text("request_status"), "ERROR");
    EXPECT_THAT(answered.Text("debug_message"), HasSubstr("from 50 to 1000"));
  }
  EXPECT_THAT(Get(ads + "?cursor=17").Text("debug_message"), HasSubstr("cursor"));
  const std::string cursor = TextMember(Get(ads + "?limit=50")["paging"].as_object(), "next_link");
  EXPECT_EQ(Get(AccountPath("Berlin") + cursor.substr(cursor.find("/ads"))).status, 400);  // of another list
}

TEST_F(Marketing, TheTreeHangsTogether) {
  const Answered organizations = Get("/v1/me/organizations?with_ad_accounts=true");
  const json::object organization =
      organizations["organizations"].as_array()[0].as_object().at("organization").as_object();
  EXPECT_EQ(organization.at("id"), server_->facts().organization_id.c_str());
  EXPECT_EQ(organization.at("ad_accounts").as_array().size(), 6U);
  EXPECT_FALSE(Get("/v1/me/organizations")["organizations"]
                   .as_array()[0]
                   .as_object()
                   .at("organization")
                   .as_object()
                   .contains("ad_accounts"));
  EXPECT_EQ(
      Walk("/v1/organizations/" + server_->facts().organization_id + "/adaccounts", "adaccounts", "adaccount")
          .size(),
      6U);
  const std::string account = AccountPath("Berlin");
  const auto campaigns = Walk(account + "/campaigns", "campaigns", "campaign");
  EXPECT_EQ(campaigns.size(), 3U);
  const auto squads = Walk("/v1/campaigns/" + campaigns[0] + "/adsquads", "adsquads", "adsquad");
  EXPECT_EQ(squads.size(), 2U);
  const auto ads = Walk("/v1/adsquads/" + squads[0] + "/ads", "ads", "ad");
  EXPECT_EQ(ads.size(), 2U);
  const json::object ad = Get("/v1/ads/" + ads[0])["ads"].as_array()[0].as_object().at("ad").as_object();
  EXPECT_EQ(ad.at("ad_squad_id"), squads[0].c_str());
  EXPECT_EQ(Get("/v1/creatives/" + TextMember(ad, "creative_id")).status, 200);
  EXPECT_EQ(Walk(account + "/pixels", "pixels", "pixel").size(), 1U);
  EXPECT_EQ(Walk(account + "/media", "media", "media").size(), 3U);
  const json::object berlin =
      Get(account)["adaccounts"].as_array()[0].as_object().at("adaccount").as_object();
  EXPECT_EQ(berlin.at("timezone"), "Europe/Berlin");
  EXPECT_EQ(berlin.at("currency"), "EUR");
}

TEST_F(Marketing, OneAccountIsForbidden) {
  for (const char* path : {"", "/campaigns", "/stats?fields=spend"}) {
    const Answered answered = Get(AccountPath("Not ours") + path);
    EXPECT_EQ(answered.status, 403) << path;
    EXPECT_EQ(answered.Text("error_code"), "E3002");
    EXPECT_EQ(answered.Text("debug_message"), "Caller does not have permission");
  }
}

TEST_F(Marketing, WhatIsNotThereIsSaid) {
  EXPECT_EQ(Get("/v1/campaigns/00000000-0000-4000-a000-000000000000").status, 404);
  EXPECT_EQ(Get("/v1/campaigns/" + AccountId("Berlin")).status, 404);  // not a campaign
  EXPECT_EQ(Get("/v1/nothing").status, 404);
  EXPECT_EQ(Call("DELETE", "/v1/me/organizations").status, 405);
}

TEST_F(Marketing, EntitiesChangeByTheClock) {
  const std::string path = AccountPath("New York") + "/campaigns";
  const auto campaign = [&] {
    return Get(path)["campaigns"].as_array()[0].as_object().at("campaign").as_object();
  };
  const json::object before = campaign();
  EXPECT_EQ(campaign(), before);
  clock_.Advance(Duration(96 * kTestHour_ms));  // longer than between any two changes
  EXPECT_LT(TextMember(before, "updated_at"), TextMember(campaign(), "updated_at"));
  EXPECT_EQ(before.at("created_at"), campaign().at("created_at"));
}

TEST_F(Marketing, TheSameSeedMakesTheSameTree) {
  const std::string id = AccountId("Berlin");
  Start();
  EXPECT_EQ(AccountId("Berlin"), id);
  SnapServerOptions options = WithoutBound();
  options.seed = 2;
  Start(options);
  EXPECT_NE(AccountId("Berlin"), id);
}

}  // namespace
}  // namespace millrace::snap
