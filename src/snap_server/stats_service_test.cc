#include "snap_server/stats_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "snap_server/snap_server_harness.h"

namespace millrace::snap {
namespace {

using testing::HasSubstr;

class Stats : public SnapServerTest {
 protected:
  void SetUp() override { Start(); }

  Answered Ask(const std::string& path, const std::string& query) { return Get(path + "/stats?" + query); }
  /// The timeseries_stat of an answer.
  json::object Series(const Answered& answered) {
    EXPECT_EQ(answered.status, 200) << answered.text;
    return answered["timeseries_stats"].as_array()[0].as_object().at("timeseries_stat").as_object();
  }
  json::array Points(const Answered& answered) { return Series(answered).at("timeseries").as_array(); }
  std::string FirstOf(const std::string& path, const std::string& plural, const std::string& singular) {
    return TextMember(Get(path + "/" + plural)[plural].as_array()[0].as_object().at(singular).as_object(),
                      "id");
  }
  std::string CampaignPath(const std::string& account) {
    return "/v1/campaigns/" + FirstOf(AccountPath(account), "campaigns", "campaign");
  }
};

TEST_F(Stats, QuestionsBySnapsRulesAreAnswered) {
  const struct {
    const char* account;
    const char* query;
    std::size_t points;
  } cases[] = {
      {"Los Angeles",
       "granularity=DAY&start_time=2025-03-01T00:00:00-08:00&end_time=2025-03-08T00:00:00.000-08:00", 7},
      // Clocks are put forward on the 9th, and back on the 2nd of November.
      {"Los Angeles",
       "granularity=DAY&start_time=2025-03-09T00:00:00-08:00&end_time=2025-03-11T00:00:00-07:00", 2},
      {"Los Angeles",
       "granularity=DAY&start_time=2025-11-02T00:00:00-07:00&end_time=2025-11-04T00:00:00-08:00", 2},
      {"Los Angeles", "granularity=DAY&start_time=2025-03-09&end_time=2025-03-11", 2},
      {"Los Angeles",
       "granularity=DAY&start_time=2025-02-28T00:00:00-08:00&end_time=2025-04-01T00:00:00-07:00", 32},
      {"Los Angeles",
       "granularity=HOUR&start_time=2025-03-09T00:00:00-08:00&end_time=2025-03-10T00:00:00-07:00", 23},
      {"Los Angeles",
       "granularity=HOUR&start_time=2025-11-01T00:00:00-07:00&end_time=2025-11-08T00:00:00-08:00", 169},
      {"Los Angeles", "granularity=HOUR&start_time=2025-03-02T05:00:00Z&end_time=2025-03-09T05:00:00Z", 168},
      {"Berlin",
       "granularity=DAY&start_time=2025-03-30T00:00:00%2B01:00&end_time=2025-03-31T00:00:00%2B02:00", 1},
      {"Kolkata", "granularity=DAY&start_time=2025-03-01T18:30:00Z&end_time=2025-03-02T18:30:00Z", 1},
      {"Kolkata",
       "granularity=HOUR&start_time=2025-03-01T00:00:00%2B05:30&end_time=2025-03-01T02:00:00%2B05:30", 2},
      {"Sydney",
       "granularity=DAY&start_time=2025-04-06T00:00:00%2B11:00&end_time=2025-04-07T00:00:00%2B10:00", 1},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Points(Ask(AccountPath(c.account), c.query)).size(), c.points) << c.account << " " << c.query;
  }
}

TEST_F(Stats, QuestionsAgainstTheRulesAreRefused) {
  const std::string day =
      "granularity=DAY&start_time=2025-03-01T00:00:00-08:00&end_time=2025-03-08T00:00:00-08:00";
  const struct {
    const char* account;
    std::string query;
    std::string why;
  } cases[] = {
      {"Los Angeles", "granularity=WEEK", "granularity WEEK"},
      {"Los Angeles", "granularity=DAY", "start_time ''"},
      {"Los Angeles",
       "granularity=HOUR&start_time=2025-03-01T00:30:00-08:00&end_time=2025-03-02T00:00:00-08:00",
       "Start time should start at the beginning of an hour."},
      {"Los Angeles",
       "granularity=HOUR&start_time=2025-03-01T00:00:00-08:00&end_time=2025-03-01T23:59:59-08:00",
       "End time should end at the beginning of an hour."},
      {"Kolkata", "granularity=HOUR&start_time=2025-03-01T00:00:00Z&end_time=2025-03-02T00:00:00Z",
       "Start time should start at the beginning of an hour."},
      {"Los Angeles", "granularity=DAY&start_time=2025-03-01T00:00:00Z&end_time=2025-03-02T00:00:00Z",
       "must have a start time that is the start of day (00:00:00) for the account's timezone"},
      // The offset of the day before: one o'clock there.
      {"Los Angeles",
       "granularity=DAY&start_time=2025-03-10T00:00:00-08:00&end_time=2025-03-11T00:00:00-07:00",
       "must have a start time"},
      {"Los Angeles",
       "granularity=DAY&start_time=2025-03-09T00:00:00-08:00&end_time=2025-03-10T00:00:00-08:00",
       "must have an end time"},
      {"Los Angeles",
       "granularity=DAY&start_time=2025-11-02T00:00:00-07:00&end_time=2025-11-03T00:00:00-07:00",
       "must have an end time"},
      {"Los Angeles",
       "granularity=DAY&start_time=2025-02-27T00:00:00-08:00&end_time=2025-04-01T00:00:00-07:00",
       "more than 32 days"},
      {"Los Angeles",
       "granularity=HOUR&start_time=2025-03-01T00:00:00-08:00&end_time=2025-03-08T01:00:00-08:00",
       "more than 7 days"},
      {"Los Angeles",
       "granularity=DAY&start_time=2025-03-02T00:00:00-08:00&end_time=2025-03-02T00:00:00-08:00",
       "after start time"},
      {"Berlin", "granularity=DAY&start_time=2025-03-01T00:00:00+01:00&end_time=2025-03-02T00:00:00+01:00",
       "%2B"},
      {"Los Angeles", "granularity=LIFETIME&start_time=2025-03-01T00:00:00-08:00", "LIFETIME"},
      {"Los Angeles", day + "&fields=spend,impressions",
       "Only field 'spend' should be used when querying AdAccount stats."},
      {"Los Angeles", day + "&breakdown=campaign&fields=clicks", "there is no field 'clicks'"},
      {"Los Angeles", day + "&breakdown=adaccount", "breakdown 'adaccount'"},
      {"Los Angeles", day + "&swipe_up_attribution_window=2_DAY", "swipe_up_attribution_window"},
      {"Los Angeles", day + "&action_report_time=yesterday", "action_report_time"},
      {"Los Angeles", day + "&report_dimension=planet", "there is no report_dimension 'planet'"},
      {"Los Angeles", day + "&report_dimension=country,gender", "cannot be asked for together"},
      {"Los Angeles", day + "&report_dimension=os,os", "cannot be asked for together"},
      {"Los Angeles",
       "granularity=HOUR&start_time=2025-03-01T00:00:00-08:00&end_time=2025-03-02T00:00:00-08:00"
       "&report_dimension=os",
       "report_dimension cannot be used with HOUR granularity"},
      {"Los Angeles",
       "granularity=HOUR&start_time=2025-03-01T00:00:00-08:00&end_time=2025-03-01T01:00:00-08:00&breakdown="
       "ad&fields="
       "uniques",
       "field 'uniques' cannot be used with HOUR granularity"},
  };
  for (const auto& c : cases) {
    const Answered answered = Ask(AccountPath(c.account), c.query);
    EXPECT_EQ(answered.status, 400) << c.query;
    EXPECT_EQ(answered.Text("error_code"), "E1008") << c.query;
    EXPECT_THAT(answered.Text("debug_message"), HasSubstr("Unsupported Stats Query: ")) << c.query;
    EXPECT_THAT(answered.Text("debug_message"), HasSubstr(c.why)) << c.query;
  }
  EXPECT_EQ(Ask(CampaignPath("Berlin"), "breakdown=campaign").status, 400);
  EXPECT_EQ(Ask(CampaignPath("Berlin"), "breakdown=adsquad").status, 200);
}

TEST_F(Stats, PartsAddUpToTheWhole) {
  const std::string days = "start_time=2025-03-03T00:00:00-05:00&end_time=2025-03-06T00:00:00-05:00";
  const std::string path = AccountPath("New York");
  std::int64_t of_days = 0;
  for (const json::value& point : Points(Ask(path, "granularity=DAY&" + days))) {
    of_days += point.as_object().at("stats").as_object().at("spend").as_int64();
  }
  std::int64_t of_hours = 0;
  const json::object by_campaign = Series(Ask(path, "granularity=HOUR&breakdown=campaign&" + days));
  const json::array& campaigns = by_campaign.at("breakdown_stats").as_object().at("campaign").as_array();
  EXPECT_EQ(campaigns.size(), 3U);
  for (const json::value& campaign : campaigns) {
    EXPECT_EQ(campaign.as_object().at("type"), "CAMPAIGN");
    for (const json::value& point : campaign.as_object().at("timeseries").as_array()) {
      of_hours += point.as_object().at("stats").as_object().at("spend").as_int64();
    }
  }
  const json::value total = Ask(path, "granularity=TOTAL&" + days)["total_stats"].as_array()[0];
  EXPECT_GT(of_days, 0);
  EXPECT_EQ(of_days, of_hours);
  EXPECT_EQ(total.at("total_stat").at("stats").at("spend").as_int64(), of_days);
  EXPECT_EQ(total.at("total_stat").at("type"), "AD_ACCOUNT");
}

TEST_F(Stats, FiguresAlongADimensionAddUpToTheWhole) {
  const std::string path = CampaignPath("New York");
  const std::string days =
      "granularity=DAY&fields=impressions,spend,frequency&start_time=2025-03-03&end_time=2025-03-05";
  const json::array whole = Points(Ask(path, days));
  const std::pair<const char*, std::size_t> cases[] = {
      {"country", 3}, {"gender", 3}, {"age,gender", 15}, {"os,country", 6}};
  for (const auto& [dimension, values] : cases) {
    const json::array points = Points(Ask(path, days + "&report_dimension=" + dimension));
    ASSERT_EQ(points.size(), whole.size());
    for (std::size_t i = 0; i < points.size(); ++i) {
      EXPECT_EQ(points[i].as_object().if_contains("stats"), nullptr);
      const json::array& parts = points[i].at("dimension_stats").as_array();
      EXPECT_EQ(parts.size(), values) << dimension;
      std::int64_t spend = 0;
      for (const json::value& part : parts) spend += part.at("spend").as_int64();
      EXPECT_GT(spend, 0);
      EXPECT_EQ(spend, whole[i].at("stats").at("spend").as_int64()) << dimension;
    }
  }
  const json::object parts =
      Series(Ask(AccountPath("New York"), days + "&breakdown=campaign&report_dimension=os"))
          .at("breakdown_stats")
          .as_object();
  const json::value& first = parts.at("campaign").as_array()[0].at("timeseries").as_array()[0];
  EXPECT_EQ(first.at("dimension_stats").as_array()[0].at("os"), "ios");
  const json::value total = Ask(path, "granularity=TOTAL&report_dimension=os")["total_stats"].as_array()[0];
  EXPECT_EQ(total.at("total_stat").at("dimension_stats").as_array().size(), 2U);
}

TEST_F(Stats, EachQuestionHasItsForm) {
  const std::string path = CampaignPath("Sydney");
  const json::value lifetime =
      Ask(path,
          "granularity=LIFETIME&fields=impressions,uniques,frequency,swipe_up_percent,conversion_purchases")
          ["lifetime_stats"]
              .as_array()[0]
              .at("lifetime_stat");
  const json::object& figures = lifetime.at("stats").as_object();
  EXPECT_GT(figures.at("impressions").as_int64(), figures.at("uniques").as_int64());
  EXPECT_GT(figures.at("frequency").as_double(), 1.0);
  EXPECT_LT(figures.at("swipe_up_percent").as_double(), 0.1);
  EXPECT_GT(figures.at("conversion_purchases").as_int64(), 0);
  const json::object total =
      Ask(path, "fields=spend")["total_stats"].as_array()[0].at("total_stat").as_object();
  EXPECT_EQ(total.at("granularity"), "TOTAL");
  const json::object series = Series(
      Ask(path, "granularity=DAY&start_time=2025-03-01&end_time=2025-03-02&breakdown=ad&fields=impressions"));
  EXPECT_EQ(series.at("start_time"), "2025-03-01T00:00:00.000+11:00");
  EXPECT_EQ(series.at("breakdown_stats").at("ad").as_array().size(), 4U);
}

TEST_F(Stats, FiguresAreRestatedUntilTwoDaysAfterTheEndOfTheDay) {
  // The test begins on the 20th at 05:00 in Los Angeles.
  const std::string query =
      "granularity=DAY&start_time=2025-03-19T00:00:00-07:00&end_time=2025-03-20T00:00:00-07:00";
  const std::string path = AccountPath("Los Angeles");
  const auto spend = [&] { return Points(Ask(path, query))[0].at("stats").at("spend").as_int64(); };
  const std::int64_t first = spend();
  EXPECT_EQ(spend(), first);  // by the clock alone
  clock_.Advance(Duration(900'000));
  EXPECT_NE(spend(), first);
  clock_.Advance(Duration((48 - 5) * kTestHour_ms - 900'000 - 1));  // just before it is final
  const std::int64_t last = spend();
  EXPECT_GT(last, first);
  EXPECT_EQ(Series(Ask(path, query)).at("finalized_data_end_time"), "2025-03-19T00:00:00.000-07:00");
  clock_.Advance(Duration(1));
  const std::int64_t final_spend = spend();
  EXPECT_NE(final_spend, last);
  EXPECT_EQ(Series(Ask(path, query)).at("finalized_data_end_time"), "2025-03-20T00:00:00.000-07:00");
  clock_.Advance(Duration(400 * kTestHour_ms));
  EXPECT_EQ(spend(), final_spend);
}

TEST_F(Stats, WhatLiesAheadIsEmpty) {
  const std::string query =
      "granularity=DAY&start_time=2025-03-19T00:00:00-07:00&end_time=2025-03-22T00:00:00-07:00";
  const json::array points = Points(Ask(AccountPath("Los Angeles"), query));
  EXPECT_GT(points[1].at("stats").at("spend").as_int64(), 0);  // today until now
  EXPECT_LT(points[1].at("stats").at("spend").as_int64(), points[0].at("stats").at("spend").as_int64());
  EXPECT_EQ(points[2].at("stats").at("spend").as_int64(), 0);
  EXPECT_EQ(Points(Ask(AccountPath("Los Angeles"), query + "&omit_empty=true")).size(), 2U);
}

}  // namespace
}  // namespace millrace::snap
