#include "connectors/snapchat/stats_feed.h"

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <arrow/compute/initialize.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/json/json_time.h"
#include "connectors/snapchat/marketing_stand_in.h"

namespace millrace {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kNow = 1'783'296'000'000;  // 2026-07-06T00:00:00Z

std::int64_t Ms(const std::string& text) {
  std::int64_t ms = 0;
  EXPECT_TRUE(json::ParseRfc3339(text, 1'000, &ms)) << text;
  return ms;
}

std::string Text(std::int64_t ms) {
  char text[json::kMaxTimestampBytes];
  return {text, json::WriteRfc3339(ms, 1'000, text)};
}

/// The value of a parameter, decoded.
std::string Parameter(const std::string& query, const std::string& name) {
  const std::size_t at = ("&" + query).find("&" + name + "=");
  if (at == std::string::npos) return "";
  std::string out;
  for (std::size_t i = at + name.size() + 1; i < query.size() && query[i] != '&'; ++i) {
    if (query[i] != '%') {
      out += query[i];
      continue;
    }
    out += static_cast<char>(std::stoi(query.substr(i + 1, 2), nullptr, 16));
    i += 2;
  }
  return out;
}

/// What Snap knows: by campaign and hour, restated while a day is open.
class StatsFeedTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(arrow::compute::Initialize().ok()); }
  StatsFeedTest() {
    snap_.SetList("me/organizations", "organizations", "organization", {R"({"id":"o1"})"});
    snap_.SetList("organizations/o1/adaccounts", "adaccounts", "adaccount",
                  {Account("a1", "UTC"), Account("a2", "Asia/Kolkata")});
    snap_.SetStats([this](const HttpRequest& request) { return Stats(request); });
  }
  static std::string Account(const std::string& id, const std::string& zone) {
    return R"({"id":")" + id + R"(","timezone":")" + zone + R"(","currency":"EUR"})";
  }

  /// As it is said at `now`: more comes in for two days after the hour.
  static std::int64_t Swipes(std::int64_t start, std::int64_t length, std::int64_t now) {
    std::int64_t sum = 0;
    for (std::int64_t hour = start; hour < start + length; hour += kHour)
      sum += (hour / kHour) % 7 +
             std::min<std::int64_t>(std::max<std::int64_t>(now - hour, 0), 2 * kDay) / (6 * kHour);
    return sum;
  }

  HttpResponse Stats(const HttpRequest& request) {
    const bool hourly = Parameter(request.query, "granularity") == "HOUR";
    const std::int64_t length = hourly ? kHour : kDay;
    const std::int64_t start = Ms(Parameter(request.query, "start_time"));
    const std::int64_t end = Ms(Parameter(request.query, "end_time"));
    EXPECT_LE(end - start, hourly ? 7 * kDay : 31 * kDay);
    slices_.push_back(Parameter(request.query, "start_time") + " " + Parameter(request.query, "end_time"));
    std::string series;
    for (std::int64_t at = start; at < end; at += length) {
      series += (series.empty() ? "" : ",") + std::string(R"({"start_time":")") + Text(at) +
                R"(","end_time":")" + Text(at + length) + R"(","stats":{"swipes":)" +
                std::to_string(Swipes(at, length, clock_.Now().value())) + R"(,"spend":1500000}})";
    }
    const std::string campaign =
        R"({"id":"c-)" + request.path.substr(15, 2) + R"(","timeseries":[)" + series + "]}";
    return {200, R"({"request_status":"success","timeseries_stats":[{"sub_request_status":"SUCCESS",)"
                 R"("timeseries_stat":{"id":"a","breakdown_stats":{"campaign":[)" +
                     campaign + "]}}}]}"};
  }

  std::unique_ptr<FeedSource> Make(StatsFeedOptions options = {}) {
    options.source = "source-1";
    options.access = {.url = snap_.url(), .access_token = "token-0", .per_second = 10'000};
    if (options.fields.empty())
      options.fields = {{"swipes", StatsValue::kWhole}, {"spend", StatsValue::kMoney}};
    if (!options.since) options.since = EventTime(kNow - 20 * kDay);
    return *MakeStatsFeed(std::move(options), clock_, metrics_);
  }

  /// Every row is as Snap says it now, from `since` on.
  void ExpectWhole(const std::string& account, std::int64_t length, std::int64_t first, std::int64_t end,
                   const char* name) {
    for (std::int64_t at = first; at < end; at += length) {
      const std::string key = "campaign/c-" + account + "/" + name + "/" + Text(at);
      ASSERT_TRUE(table_.rows.contains(key)) << key;
      const std::string swipes =
          "\"swipes\":" + std::to_string(Swipes(at, length, clock_.Now().value())) + ",";
      ASSERT_THAT(table_.rows[key], HasSubstr(swipes)) << key;
    }
  }

  ManualClock clock_{EventTime(kNow)};
  MetricRegistry metrics_;
  MarketingStandIn snap_;
  FedTable table_;
  std::vector<std::string> slices_;  // in the order asked for
};

TEST_F(StatsFeedTest, RowsHaveWhatSnapSaysWithMoneyAsDecimals) {
  const auto source = Make({.ad_account_ids = {"a1"}, .since = EventTime(kNow - kDay)});
  snap_.SetList("adaccounts/a1", "adaccounts", "adaccount", {Account("a1", "UTC")});
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  ASSERT_TRUE(table_.error.ok()) << table_.error.ToString();
  ASSERT_EQ(table_.rows.size(), 2U);
  EXPECT_EQ(table_.rows.begin()->first, "campaign/c-a1/day/2026-07-05T00:00:00.000Z");
  EXPECT_EQ(table_.rows.begin()->second,
            R"({"key":"campaign/c-a1/day/2026-07-05T00:00:00.000Z","level":"campaign","entity_id":"c-a1",)"
            R"("ad_account_id":"a1","granularity":"day","start_time":"2026-07-05T00:00:00.000Z",)"
            R"("end_time":"2026-07-06T00:00:00.000Z","currency":"EUR","swipes":)" +
                std::to_string(Swipes(kNow - kDay, kDay, kNow)) + R"(,"spend":"1.500000"})");
  EXPECT_THAT(snap_.TakeAsked(),
              ElementsAre("adaccounts/a1?limit=500",
                          "adaccounts/a1/stats?granularity=DAY&fields=swipes%2Cspend&breakdown=campaign"
                          "&start_time=2026-07-05T00%3A00%3A00.000%2B00%3A00"
                          "&end_time=2026-07-07T00%3A00%3A00.000%2B00%3A00"));
}

TEST_F(StatsFeedTest, OpenDaysAreReadOverAndFinalOnesNeverAgain) {
  const auto source = Make();
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  EXPECT_THAT(slices_, ElementsAre("2026-06-16T00:00:00.000+00:00 2026-07-07T00:00:00.000+00:00",
                                   "2026-06-16T00:00:00.000+05:30 2026-07-07T00:00:00.000+05:30"));
  for (int round = 0; round < 30; ++round) {  // five days
    slices_.clear();
    clock_.Advance(Duration(4 * kHour));
    table_.Drain(*source, clock_);
    ASSERT_EQ(slices_.size(), 2U);
    const std::int64_t read =
        Ms(slices_[0].substr(slices_[0].find(' ') + 1)) - Ms(slices_[0].substr(0, slices_[0].find(' ')));
    ASSERT_LE(read, 4 * kDay) << slices_[0];
  }
  const std::int64_t until = kNow + 5 * kDay;
  ExpectWhole("a1", kDay, kNow - 20 * kDay, until, "day");
  ExpectWhole("a2", kDay, kNow - 20 * kDay - 11 * kHour / 2, until - kDay, "day");
}

TEST_F(StatsFeedTest, ByTheHourNothingIsSkippedOverKills) {
  for (int killed_after = 0; killed_after < 12; ++killed_after) {
    table_ = {};
    StatsFeedOptions options{.granularity = StatsGranularity::kHour};
    auto source = Make(options);
    ASSERT_TRUE(source->Open({}).ok());
    table_.Drain(*source, clock_, killed_after);
    source = Make(options);
    ASSERT_TRUE(source->Open(table_.positions).ok());
    clock_.Advance(Duration(10'000));
    table_.Drain(*source, clock_);
    clock_.Advance(Duration(3 * kHour));  // another round
    table_.Drain(*source, clock_);
    const std::int64_t until = clock_.Now().value() / kHour * kHour;
    ExpectWhole("a1", kHour, kNow - 20 * kDay, until, "hour");
    ExpectWhole("a2", kHour, kNow - 20 * kDay - 11 * kHour / 2, until - kHour / 2, "hour");
  }
}

TEST_F(StatsFeedTest, AfterARestartNothingIsReadBeforeItIsDue) {
  auto source = Make();
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  slices_.clear();
  source = Make();
  ASSERT_TRUE(source->Open(table_.positions).ok());
  table_.Drain(*source, clock_);
  EXPECT_THAT(slices_, IsEmpty());
  clock_.Advance(Duration(900'000));
  table_.Drain(*source, clock_);
  EXPECT_EQ(slices_.size(), 2U);
}

TEST_F(StatsFeedTest, RowsThatDidNotChangeAreNotBroughtAgain) {
  snap_.SetStats([](const HttpRequest&) {
    return HttpResponse{200,
                        R"({"request_status":"SUCCESS","timeseries_stats":[{"timeseries_stat":{"id":"a1",)"
                        R"("breakdown_stats":{"campaign":[{"id":"c","timeseries":[{"start_time":)"
                        R"("2026-07-05T00:00:00.000Z","stats":{"swipes":1}}]}]}}}]})"};
  });
  snap_.SetList("adaccounts/a1", "adaccounts", "adaccount", {Account("a1", "UTC")});
  const auto source = Make({.ad_account_ids = {"a1"}});
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  const int before = table_.records;
  clock_.Advance(Duration(900'000));
  table_.Drain(*source, clock_);
  EXPECT_EQ(before, 1);
  EXPECT_EQ(table_.records, before);
}

TEST_F(StatsFeedTest, AForbiddenAccountStopsNoOtherAndIsTriedAgain) {
  snap_.Forbid("adaccounts/a1");
  const auto source = Make();
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  ASSERT_TRUE(table_.error.ok());
  for (const auto& [key, value] : table_.rows) EXPECT_THAT(key, HasSubstr("c-a2"));
  EXPECT_FALSE(table_.rows.empty());
  EXPECT_EQ(metrics_.Sum("millrace_feed_parts_skipped_total"), 1);
  snap_.TakeAsked();
  table_.Drain(*source, clock_);
  EXPECT_THAT(snap_.TakeAsked(), IsEmpty()) << "asked again at once";
  snap_.Forbid("adaccounts/a1", false);
  clock_.Advance(Duration(900'000));
  table_.Drain(*source, clock_);
  ExpectWhole("a1", kDay, kNow - 20 * kDay, kNow, "day");
}

TEST_F(StatsFeedTest, AQueryThatSnapRefusesDoesNotSpin) {
  const auto source = Make();
  snap_.SetStats([](const HttpRequest&) {
    return HttpResponse{
        400, R"({"request_status":"ERROR","error_code":"E1008","debug_message":"Unsupported Stats Query"})"};
  });
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  EXPECT_EQ(metrics_.Sum("millrace_feed_parts_skipped_total"), 2);
  EXPECT_EQ(table_.error.code(), StatusCode::kInvalidArgument) << "it is wrong for all accounts";
  EXPECT_THAT(table_.error.message(), HasSubstr("adaccounts/a1/stats: HTTP 400, ERROR, E1008"));
  EXPECT_TRUE(table_.rows.empty());
}

TEST_F(StatsFeedTest, OfChosenAccountsOneThatIsForbiddenStopsNoOtherAndAllOfThemPauseTheSource) {
  for (const char* id : {"a1", "a2"})
    snap_.SetList("adaccounts/" + std::string(id), "adaccounts", "adaccount", {Account(id, "UTC")});
  const auto source = Make({.ad_account_ids = {"a1", "a2"}});
  snap_.Forbid("adaccounts/a1");
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  EXPECT_TRUE(table_.error.ok()) << table_.error.ToString();
  ExpectWhole("a2", kDay, kNow - 20 * kDay, kNow, "day");
  snap_.Forbid("adaccounts/a2");
  clock_.Advance(Duration(900'000));
  table_.Drain(*source, clock_);
  EXPECT_EQ(table_.error.code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(table_.error.message(), HasSubstr("adaccounts/a1: HTTP 403"));
  for (const char* id : {"a1", "a2"}) snap_.Forbid("adaccounts/" + std::string(id), false);
  table_.error = Status::Ok();
  table_.Drain(*source, clock_);
  EXPECT_TRUE(table_.error.ok()) << table_.error.ToString();
  ExpectWhole("a1", kDay, kNow - 20 * kDay, kNow, "day");
}

TEST_F(StatsFeedTest, WhereNoListAndNoStatisticsAreGivenTheSourcePausesUntilOneIs) {
  const std::vector<std::vector<std::string>> cases = {
      {"me/organizations"}, {"organizations/o1/adaccounts"}, {"adaccounts/a1/stats", "adaccounts/a2/stats"}};
  for (const auto& forbidden : cases) {
    const auto forbid = [&](bool is) {
      for (const std::string& path : forbidden) snap_.Forbid(path, is);
    };
    table_ = {};
    const auto source = Make();
    forbid(true);
    ASSERT_TRUE(source->Open({}).ok());
    for (int tries = 0; tries < 3; ++tries) {  // with the pauses of who asks for more
      table_.error = Status::Ok();
      table_.Drain(*source, clock_);
      EXPECT_EQ(table_.error.code(), StatusCode::kPermissionDenied) << forbidden[0] << " " << tries;
      EXPECT_THAT(table_.error.message(), HasSubstr(forbidden[0] + ": HTTP 403, ERROR, E3002"));
    }
    forbid(false);
    table_.error = Status::Ok();
    table_.Drain(*source, clock_);
    EXPECT_TRUE(table_.error.ok()) << table_.error.ToString();
    ExpectWhole("a1", kDay, kNow - 20 * kDay, kNow, "day");
    // Snap gave something of both: then one that is refused is no reason to pause.
    snap_.Forbid("adaccounts/a2/stats");
    clock_.Advance(Duration(900'000));
    table_.Drain(*source, clock_);
    EXPECT_TRUE(table_.error.ok()) << table_.error.ToString();
    snap_.Forbid("adaccounts/a2/stats", false);
  }
}

TEST_F(StatsFeedTest, TotalsAreOneRowThatChanges) {
  for (const auto granularity : {StatsGranularity::kTotal, StatsGranularity::kLifetime}) {
    const std::string name = StatsGranularityName(granularity);
    int total = 1;
    snap_.SetStats([&](const HttpRequest& request) {
      EXPECT_EQ(Parameter(request.query, "start_time").empty(), granularity == StatsGranularity::kLifetime);
      return HttpResponse{200, R"({"request_status":"SUCCESS",")" + name + R"(_stats":[{")" + name +
                                   R"(_stat":{"id":"a1","start_time":"2026-06-16T00:00:00.000-00:00",)"
                                   R"("stats":{"spend":)" +
                                   std::to_string(total++) + "}}}]}"};
    });
    table_ = {};
    const auto source =
        Make({.level = "account", .granularity = granularity, .fields = {{"spend", StatsValue::kMoney}}});
    ASSERT_TRUE(source->Open({}).ok());
    table_.Drain(*source, clock_);
    clock_.Advance(Duration(900'000));
    table_.Drain(*source, clock_);
    ASSERT_EQ(table_.rows.size(), 1U);
    EXPECT_EQ(table_.rows.begin()->first, granularity == StatsGranularity::kTotal
                                              ? "account/a1/total/2026-06-16T00:00:00.000Z"
                                              : "account/a1/lifetime");
    EXPECT_THAT(table_.rows.begin()->second, HasSubstr("\"spend\":\"0.000004\""));
  }
}

TEST_F(StatsFeedTest, FiguresAlongDimensionsAreRowsOfTheirOwn) {
  snap_.SetStats([this](const HttpRequest& request) {
    slices_.push_back(Parameter(request.query, "report_dimension"));
    return HttpResponse{
        200, R"({"request_status":"SUCCESS","timeseries_stats":[{"timeseries_stat":{"id":"a1",)"
             R"("breakdown_stats":{"campaign":[{"id":"c","timeseries":[)"
             R"({"start_time":"2026-07-04T00:00:00.000Z"},)"
             R"({"start_time":"2026-07-05T00:00:00.000Z","dimension_stats":[)"
             R"({"age":"13-17","gender":"male","swipes":1,"spend":2500000},)"
             R"({"age":"35+","gender":"fe/male","swipes":2},{"gender":"male","swipes":3}]}]}]}}}]})"};
  });
  snap_.SetList("adaccounts/a1", "adaccounts", "adaccount", {Account("a1", "UTC")});
  const auto source = Make({.ad_account_ids = {"a1"}, .dimensions = {"age", "gender"}});
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  EXPECT_THAT(slices_, ElementsAre("age,gender"));
  const std::string key = "campaign/c/day/2026-07-05T00:00:00.000Z/";
  ASSERT_EQ(table_.rows.size(), 3U);
  EXPECT_THAT(table_.rows[key + "age=13-17/gender=male"],
              HasSubstr(R"("age":"13-17","gender":"male","swipes":1,"spend":"2.500000")"));
  EXPECT_TRUE(table_.rows.contains(key + "age=35%2B/gender=fe%2Fmale"));
  EXPECT_THAT(table_.rows[key + "age=/gender=male"], Not(HasSubstr("\"age\"")));
  EXPECT_EQ(table_.positions.begin()->first, "a1/day/campaign/age,gender");
  EXPECT_EQ(metrics_.Sum("millrace_feed_parts_skipped_total"), 0);
}

TEST_F(StatsFeedTest, FiguresThatSnapDidNotDivideAreNoRows) {
  snap_.SetList("adaccounts/a1", "adaccounts", "adaccount", {Account("a1", "UTC")});
  const auto source = Make({.ad_account_ids = {"a1"}, .dimensions = {"os"}});
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  EXPECT_TRUE(table_.rows.empty());
  EXPECT_EQ(metrics_.Sum("millrace_feed_parts_skipped_total"), 1);
}

TEST_F(StatsFeedTest, PagesOfASliceAreReadBeforeItIsDone) {
  snap_.SetStats([this](const HttpRequest& request) {
    const bool second = request.query.find("cursor=1") != std::string::npos;
    const std::string id = second ? "c2" : "c1";
    return HttpResponse{
        200, R"({"request_status":"SUCCESS",)" +
                 (second ? std::string()
                         : R"("paging":{"next_link":")" + snap_.url() + request.path + R"(?cursor=1"},)") +
                 R"("timeseries_stats":[{"timeseries_stat":{"breakdown_stats":{"campaign":[{"id":")" + id +
                 R"(","timeseries":[{"start_time":"2026-07-05T00:00:00.000Z","stats":{}}]}]}}}]})"};
  });
  snap_.SetList("adaccounts/a1", "adaccounts", "adaccount", {Account("a1", "UTC")});
  const auto source = Make({.ad_account_ids = {"a1"}});
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_, 1);
  EXPECT_EQ(table_.rows.size(), 1U);
  EXPECT_TRUE(table_.positions.empty()) << "the slice is not done";
  table_.Drain(*source, clock_);
  EXPECT_EQ(table_.rows.size(), 2U);
  EXPECT_EQ(table_.positions.size(), 1U);
}

TEST_F(StatsFeedTest, AnAccountWithAZoneThatIsNotKnownIsLeftOut) {
  snap_.SetList("organizations/o1/adaccounts", "adaccounts", "adaccount",
                {Account("a1", "Mars/Olympus"), Account("a2", "Asia/Kolkata")});
  const auto source = Make();
  ASSERT_TRUE(source->Open({}).ok());
  table_.Drain(*source, clock_);
  EXPECT_TRUE(table_.error.ok());
  EXPECT_EQ(metrics_.Sum("millrace_feed_parts_skipped_total"), 1);
  EXPECT_FALSE(table_.rows.empty());
}

}  // namespace
}  // namespace millrace
