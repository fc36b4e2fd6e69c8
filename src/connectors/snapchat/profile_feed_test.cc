#include "connectors/snapchat/profile_feed.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/snapchat/marketing_stand_in.h"
#include "connectors/snapchat/profile_stats_days.h"

namespace millrace {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kNow = 1'783'339'200'000;  // 2026-07-06T12:00:00Z

std::string Made(const std::string& id, const std::string& at = "2026-07-06T10:00:00.000Z") {
  return R"({"id":")" + id + R"(","created_at":")" + at + R"("})";
}

class ProfileFeedTest : public testing::Test {
 protected:
  ProfileFeedTest() {
    snap_.SetList("me/public_profiles", "public_profiles", "public_profile", {Profile("p1"), Profile("p2")});
    for (const char* id : {"p1", "p2"}) {
      const std::string path = std::string("public_profiles/") + id;
      snap_.SetList(path, "public_profiles", "public_profile", {Profile(id)});
      SetStories(id, {Made("s1-" + std::string(id)), Made("s2-" + std::string(id))});
      snap_.SetList(path + "/spotlights", "spotlights", "spotlight", {Made("l-" + std::string(id))});
    }
    snap_.SetStats([this](const HttpRequest& request) { return Stats(request); });
  }
  static std::string Profile(const std::string& id, const char* subscribers = "1200") {
    return R"({"id":")" + id + R"(","display_name":"n)" + id + R"(","subscriber_count":")" + subscribers +
           R"(","share_authorized_data_with_api_partners":true})";
  }
  void SetStories(const std::string& profile, std::vector<std::string> stories) {
    snap_.SetList("public_profiles/" + profile + "/stories", "stories", "story", std::move(stories));
  }
  /// One day, which is the last of those asked for.
  HttpResponse Stats(const HttpRequest& request) {
    stats_asked_.push_back(request.query);
    const std::size_t end = request.query.find("endTime=");
    const std::string day = end == std::string::npos ? "" : request.query.substr(end + 8, 10);
    return {200, R"({"request_status":"SUCCESS","timeseries_stats":[{"sub_request_status":"SUCCESS",)"
                 R"("timeseries_stat":{"timeseries":[{"start_time":")" +
                     day + R"(T00:00:00.000Z","end_time":")" + day + R"(T23:00:00.000Z","stats":{"views":)" +
                     std::to_string(views_) + R"(,"rate":0.5}}]}}]})"};
  }

  std::unique_ptr<FeedSource> Make(ProfileFeedOptions options = {}) {
    options.source = "source-1";
    if (options.content.empty()) options.content = {"profiles", "stories", "spotlights", "stats"};
    options.access.url = snap_.url();
    options.access.per_second = 1'000;
    options.access.access_token = "token-0";
    return *MakeProfileFeed(std::move(options), clock_, metrics_);
  }
  std::vector<std::string> Keys() const {
    std::vector<std::string> keys;
    for (const auto& [key, value] : table_.rows) keys.push_back(key);
    return keys;
  }
  /// Another walk, with what is committed.
  void Walk(FeedSource& source, std::int64_t later = 900'000) {
    clock_.Advance(Duration(later));
    table_.Drain(source, clock_);
  }

  ManualClock clock_{EventTime(kNow)};
  MetricRegistry metrics_;
  MarketingStandIn snap_;
  FedTable table_;
  std::vector<std::string> stats_asked_;
  int views_ = 7;
};

TEST_F(ProfileFeedTest, BringsProfilesWhatTheyShowAndTheirStatistics) {
  const auto source = Make();
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  ASSERT_TRUE(table_.error.ok()) << table_.error.ToString();
  EXPECT_THAT(Keys(),
              ElementsAre("profile/p1", "profile/p2", "spotlight/l-p1", "spotlight/l-p2",
                          "stats/p1/day/2026-07-06T00:00:00.000Z", "stats/p2/day/2026-07-06T00:00:00.000Z",
                          "story/s1-p1", "story/s1-p2", "story/s2-p1", "story/s2-p2"));
  EXPECT_EQ(table_.rows["profile/p1"],
            R"({"key":"profile/p1","kind":"profile","id":"p1","profile_id":"p1","display_name":"np1",)"
            R"("subscriber_count":1200,"share_authorized_data_with_api_partners":true,"object":)" +
                Profile("p1") + "}");
  EXPECT_THAT(snap_.TakeAsked(),
              ElementsAre("me/public_profiles?limit=100", "public_profiles/p1/spotlights?limit=100",
                          "public_profiles/p1/stories?limit=100", "public_profiles/p2/spotlights?limit=100",
                          "public_profiles/p2/stories?limit=100",
                          "public_profiles/p1/stats?assetType=PROFILE&granularity=DAY"
                          "&startTime=2026-06-06T00%3A00%3A00&endTime=2026-07-06T00%3A00%3A00",
                          "public_profiles/p2/stats?assetType=PROFILE&granularity=DAY"
                          "&startTime=2026-06-06T00%3A00%3A00&endTime=2026-07-06T00%3A00%3A00"));
}

TEST_F(ProfileFeedTest, AStorySaysWhenItIsGoneAndASpotlightStays) {
  const struct {
    const char* story;
    const char* expires_at;
  } cases[] = {
      {R"({"id":"x","created_at":"2026-07-06T10:00:00.000Z"})", "2026-07-07T10:00:00.000Z"},
      {R"({"id":"x","created_at":"2026-07-06T12:00:00+02:00"})", "2026-07-07T10:00:00.000Z"},
      {R"({"id":"x","created_at":"2026-07-06T10:00:00.000Z","expires_at":"2026-07-06T11:00:00Z"})",
       "2026-07-06T11:00:00.000Z"},
      {R"({"id":"x"})", nullptr},
  };
  for (const auto& c : cases) {
    table_ = {};
    SetStories("p1", {c.story});
    const auto source = Make();
    ASSERT_TRUE(source->Open({}).ok());
    table_.Drain(*source, clock_);
    if (c.expires_at == nullptr) {
      EXPECT_THAT(table_.rows["story/x"], Not(HasSubstr("expires_at"))) << c.story;
    } else {
      EXPECT_THAT(table_.rows["story/x"], HasSubstr("\"expires_at\":\"" + std::string(c.expires_at) + "\""));
    }
    EXPECT_THAT(table_.rows["spotlight/l-p1"], Not(HasSubstr("expires_at")));
  }
}

TEST_F(ProfileFeedTest, MediaIsFoundWhereSnapPutsIt) {
  SetStories("p1", {R"({"id":"x","media_metadata":{"media_type":"MEDIA_TYPE_VIDEO","media_url":"u"}})",
                    R"({"id":"y","media_type":"MEDIA_TYPE_IMAGE"})"});
  const auto source = Make();
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  EXPECT_THAT(table_.rows["story/x"], HasSubstr(R"("media_type":"MEDIA_TYPE_VIDEO","media_url":"u",)"));
  EXPECT_THAT(table_.rows["story/y"], HasSubstr(R"("media_type":"MEDIA_TYPE_IMAGE",)"));
}

TEST_F(ProfileFeedTest, OnlyWhatChangedComesAgainAndWhatIsGoneIsATombstone) {
  const auto source = Make();
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  table_.records = 0;
  snap_.TakeAsked();
  table_.Drain(*source, clock_);
  EXPECT_THAT(snap_.TakeAsked(), IsEmpty()) << "nothing is due";
  Walk(*source);
  EXPECT_EQ(table_.records, 0);
  SetStories("p1", {Made("s2-p1"), Made("s3-p1")});
  snap_.SetList("me/public_profiles", "public_profiles", "public_profile",
                {Profile("p1", "1201"), Profile("p2")});
  Walk(*source);
  EXPECT_EQ(table_.records, 3);
  EXPECT_EQ(table_.tombstones, 1);
  EXPECT_THAT(Keys(), Not(Contains("story/s1-p1")));
  EXPECT_THAT(table_.rows["profile/p1"], HasSubstr("\"subscriber_count\":1201"));
}

TEST_F(ProfileFeedTest, AProfileThatIsGoneTakesAlongWhatItShowed) {
  const auto source = Make({.content = {"profiles", "stories", "spotlights"}});
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  snap_.SetList("me/public_profiles", "public_profiles", "public_profile", {Profile("p2")});
  Walk(*source);
  EXPECT_EQ(table_.tombstones, 4);
  EXPECT_THAT(Keys(), ElementsAre("profile/p2", "spotlight/l-p2", "story/s1-p2", "story/s2-p2"));
}

TEST_F(ProfileFeedTest, AForbiddenProfileStopsNoOtherAndDeletesNothing) {
  const auto source = Make();
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  snap_.Forbid("public_profiles/p1/");
  SetStories("p2", {Made("s9-p2")});
  Walk(*source);
  EXPECT_TRUE(table_.error.ok()) << table_.error.ToString();
  EXPECT_THAT(Keys(), Contains("story/s9-p2"));
  EXPECT_THAT(Keys(), Contains("story/s1-p1"));
  EXPECT_EQ(metrics_.Sum("millrace_feed_parts_skipped_total"), 3) << "stories, spotlights, statistics";
  snap_.Forbid("public_profiles/p1/", false);
  SetStories("p1", {});
  Walk(*source);
  EXPECT_THAT(Keys(), Not(Contains("story/s1-p1")));
}

TEST_F(ProfileFeedTest, OfChosenProfilesOneThatIsForbiddenStopsNoOther) {
  snap_.Forbid("public_profiles/p1");
  const auto source = Make({.profile_ids = {"p1", "p2"}});
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  EXPECT_TRUE(table_.error.ok()) << table_.error.ToString();
  EXPECT_THAT(Keys(), ElementsAre("profile/p2", "spotlight/l-p2", "stats/p2/day/2026-07-06T00:00:00.000Z",
                                  "story/s1-p2", "story/s2-p2"));
}

TEST_F(ProfileFeedTest, AnAppThatSnapDidNotAllowIsToldSoAndGoesOnWhenItIs) {
  for (const std::vector<std::string>& chosen :
       {std::vector<std::string>{}, std::vector<std::string>{"p1"}, std::vector<std::string>{"p1", "p2"}}) {
    table_ = {};
    for (const char* path : {"me/", "public_profiles/"}) snap_.Forbid(path);
    const auto source = Make({.profile_ids = chosen});
    ASSERT_TRUE(source->Open({}).ok());
    for (int i = 0; i < 3; ++i) {
      table_.error = Status::Ok();
      table_.Drain(*source, clock_);
      EXPECT_EQ(table_.error.code(), StatusCode::kPermissionDenied) << chosen.size();
      EXPECT_THAT(table_.error.message(), HasSubstr("HTTP 403"));
      EXPECT_THAT(table_.error.message(), HasSubstr("only to apps that it has allowed"));
      EXPECT_THAT(table_.error.message(), Not(HasSubstr("token-0")));
    }
    for (const char* path : {"me/", "public_profiles/"}) snap_.Forbid(path, false);
    table_.Drain(*source, clock_);
    EXPECT_EQ(table_.rows.size(), chosen.size() == 1 ? 5U : 10U);
  }
}

TEST_F(ProfileFeedTest, AKillAfterAnyBatchSkipsNothingAndRepeatsNoContent) {
  for (int committed = 0; committed < 12; ++committed) {
    table_ = {};
    auto source = Make();
    ASSERT_TRUE(source->Open({}).ok());
    table_.Drain(*source, clock_, committed);
    source = Make();
    ASSERT_TRUE(source->Open(table_.positions).ok());
    table_.Drain(*source, clock_);
    EXPECT_EQ(table_.rows.size(), 10U) << committed;
    EXPECT_EQ(table_.records, 10) << committed;
    EXPECT_EQ(table_.tombstones, 0) << committed;
    clock_.Advance(Duration(900'000));
  }
}

TEST_F(ProfileFeedTest, DaysAreReadUntilTheyAreFinalAndChangesComeAgain) {
  const auto source = Make({.content = {"stats"}, .metrics = {{"views", true}, {"rate", false}}});
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  EXPECT_EQ(table_.rows.size(), 2U) << "profiles are walked, and not brought";
  EXPECT_EQ(
      table_.rows["stats/p1/day/2026-07-06T00:00:00.000Z"],
      R"({"key":"stats/p1/day/2026-07-06T00:00:00.000Z","kind":"stats","id":"p1","profile_id":"p1",)"
      R"("granularity":"day","start_time":"2026-07-06T00:00:00.000Z",)"
      R"("end_time":"2026-07-06T23:00:00.000Z","views":7,"rate":5E-1,"object":{"views":7,"rate":5E-1}})");
  stats_asked_.clear();
  views_ = 8;
  Walk(*source);
  EXPECT_THAT(table_.rows["stats/p1/day/2026-07-06T00:00:00.000Z"], HasSubstr("\"views\":8"));
  ASSERT_EQ(stats_asked_.size(), 2U);
  EXPECT_EQ(stats_asked_[0],
            "assetType=PROFILE&granularity=DAY&fields=views%2Crate&startTime=2026-07-04T00%3A00%3A00"
            "&endTime=2026-07-06T00%3A00%3A00");
  stats_asked_.clear();
  Walk(*source, 200 * kDay);
  EXPECT_THAT(stats_asked_[0], HasSubstr("startTime=2026-10-25T00%3A00%3A00&endTime=2027-01-22"))
      << "no further back than Snap looks";
}

TEST_F(ProfileFeedTest, ALifetimeIsOneRowThatChanges) {
  snap_.SetStats([this](const HttpRequest& request) {
    EXPECT_THAT(request.query, Not(HasSubstr("Time=")));
    return HttpResponse{200, R"({"lifetime_stats":[{"lifetime_stat":{"stats":{"views":)" +
                                 std::to_string(views_++) + "}}}]}"};
  });
  const auto source = Make({.profile_ids = {"p1"}, .content = {"stats"}, .lifetime = true});
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  Walk(*source);
  EXPECT_THAT(Keys(), ElementsAre("stats/p1/lifetime"));
  EXPECT_EQ(table_.records, 2);
}

TEST(ProfileStatsDays, ADayIsOpenUntilItWasReadLongEnoughAfterItsEnd) {
  ProfileStatsDays days({EventTime(kNow - 5 * kDay), Duration(2 * kDay)});
  FeedBatch batch;
  const auto first = days.Next("p", EventTime(1), EventTime(kNow));
  ASSERT_TRUE(first);
  EXPECT_EQ(MidnightText(first->start), "2026-07-01T00:00:00");
  EXPECT_EQ(MidnightText(first->end), "2026-07-06T00:00:00");
  days.Done(*first, EventTime(1), &batch);
  EXPECT_FALSE(days.Next("p", EventTime(1), EventTime(kNow))) << "once in a walk";
  ProfileStatsDays restarted({std::nullopt, Duration(2 * kDay)});
  FeedPositions positions{{"stats/p", *batch.positions.at("stats/p")}, {"walk", "{}"}};
  restarted.Take(&positions);
  EXPECT_EQ(positions.size(), 1U);
  EXPECT_FALSE(restarted.Next("p", EventTime(1), EventTime(kNow)));
  const auto second = restarted.Next("p", EventTime(2), EventTime(kNow));
  ASSERT_TRUE(second);
  EXPECT_EQ(MidnightText(second->start), "2026-07-04T00:00:00");
  restarted.Skip(*second, EventTime(2), &batch);
  EXPECT_EQ(MidnightText(restarted.Next("p", EventTime(3), EventTime(kNow))->start), "2026-07-04T00:00:00");
}

}  // namespace
}  // namespace millrace
