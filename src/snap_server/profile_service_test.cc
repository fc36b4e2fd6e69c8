#include "snap_server/profile_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "snap_server/snap_server_harness.h"

namespace millrace::snap {
namespace {

using testing::HasSubstr;

class Profiles : public SnapServerTest {
 protected:
  void SetUp() override { Start(); }
  std::string Path() { return "/v1/public_profiles/" + server_->facts().profile_ids[0]; }
};

TEST_F(Profiles, AreListedByUserAndOrganization) {
  EXPECT_EQ(Get("/v1/me/public_profiles")["public_profiles"].as_array().size(), 3U);
  const std::string of_organization =
      "/v1/organizations/" + server_->facts().organization_id + "/public_profiles";
  const Answered first = Get(of_organization + "?limit=1");
  EXPECT_EQ(first["public_profiles"].as_array().size(), 1U);
  const std::string next = TextMember(first["paging"].as_object(), "next_link");
  EXPECT_EQ(Get(next)["public_profiles"].as_array()[0].at("public_profile").at("id"),
            server_->facts().profile_ids[1].c_str());
  EXPECT_EQ(Get("/v1/organizations/other/public_profiles").status, 403);
  EXPECT_EQ(Get("/v1/public_profiles/my_profile")["public_profile"].at("id"),
            server_->facts().profile_ids[0].c_str());
  EXPECT_EQ(Get(Path())["public_profiles"].as_array()[0].at("public_profile").at("profile_type"),
            "PUBLIC_PROFILE");
  EXPECT_EQ(Get("/v1/public_profiles/other").status, 404);
}

TEST_F(Profiles, StoriesAreGoneAfterADayAndTheOthersStay) {
  const auto ids = [&](const std::string& plural, const std::string& singular) {
    std::vector<std::string> found;
    const Answered list = Get(Path() + "/" + plural + "?limit=100");
    for (const json::value& item : list[plural].as_array()) {
      found.push_back(TextMember(item.at(singular).as_object(), "id"));
    }
    return found;
  };
  const std::vector<std::string> stories = ids("stories", "story");
  const std::vector<std::string> spotlights = ids("spotlights", "spotlight");
  const std::vector<std::string> saved = ids("saved_stories", "saved_story");
  EXPECT_GE(stories.size(), 4U);
  EXPECT_FALSE(spotlights.empty());
  EXPECT_FALSE(saved.empty());
  clock_.Advance(Duration(24 * kTestHour_ms));
  for (const std::string& story : stories) {
    EXPECT_THAT(ids("stories", "story"), testing::Not(testing::Contains(story)));
  }
  EXPECT_THAT(ids("spotlights", "spotlight"), testing::Contains(spotlights.back()));
  EXPECT_THAT(ids("saved_stories", "saved_story"), testing::Contains(saved.back()));
}

TEST_F(Profiles, AreForbiddenWhenTheyBelongToOthersOrTheAppIsNotAllowed) {
  const std::vector<std::string>& ids = server_->facts().profile_ids;
  for (const char* below : {"", "/stories", "/stats", "/shared_snaps"}) {
    const Answered answered = Get("/v1/public_profiles/" + ids.back() + below);
    EXPECT_EQ(answered.status, 403) << below;
    EXPECT_EQ(answered.Text("error_code"), "E3002") << below;
    EXPECT_EQ(Get(Path() + below).status, 200) << below;
  }
  SnapServerOptions options = WithoutBound();
  options.forbidden = {"profiles"};
  Start(options);
  for (const char* path : {"/v1/me/public_profiles", "/v1/public_profiles/my_profile"}) {
    EXPECT_EQ(Get(path).status, 403) << path;
  }
  EXPECT_EQ(Get(Path() + "/spotlights").status, 403);
  EXPECT_EQ(Get("/v1/me/organizations").status, 200) << "another API";
}

TEST_F(Profiles, StatsAreAskedForInCamelCaseFromMidnightToMidnight) {
  const std::string days = "startTime=2025-03-01T00:00:00Z&endTime=2025-03-04T00:00:00Z";
  const Answered by_day = Get(Path() + "/stats?granularity=DAY&assetType=PROFILE&fields=views&" + days);
  const json::value series = by_day["timeseries_stats"].as_array()[0].at("timeseries_stat").at("timeseries");
  ASSERT_EQ(series.as_array().size(), 3U);
  std::int64_t sum = 0;
  for (const json::value& point : series.as_array()) sum += point.at("stats").at("views").as_int64();
  EXPECT_EQ(Get(Path() + "/stats?granularity=TOTAL&" + days)["total_stats"]
                .as_array()[0]
                .at("total_stat")
                .at("stats")
                .at("views"),
            sum);
  EXPECT_EQ(Get(Path() + "/stats?granularity=LIFETIME").status, 200);
  const struct {
    const char* query;
    const char* why;
  } cases[] = {
      {"granularity=DAY&start_time=2025-03-01&end_time=2025-03-04", "startTime is required"},
      {"granularity=DAY&startTime=2025-03-01T01:00:00Z&endTime=2025-03-04T00:00:00Z", "must be a midnight"},
      {"granularity=DAY&startTime=2025-03-04&endTime=2025-03-01", "after startTime"},
      {"granularity=DAY&startTime=2024-12-01&endTime=2025-03-01", "within the past 90 days"},
      {"granularity=DAY&startTime=2025-03-20T00:00:00&endTime=2025-03-21T00:00:00",
       "within the past 90 days"},
      {"granularity=HOUR", "TOTAL, LIFETIME or DAY"},
      {"fields=clicks", "there is no field 'clicks'"},
      {"assetType=LENS", "PROFILE"},
  };
  for (const auto& c : cases) {
    const Answered answered = Get(Path() + "/stats?" + c.query);
    EXPECT_EQ(answered.status, 400) << c.query;
    EXPECT_THAT(answered.Text("debug_message"), HasSubstr(c.why));
  }
}

}  // namespace
}  // namespace millrace::snap
