#include "snap_server/conversions_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "snap_server/snap_server_harness.h"

namespace millrace::snap {
namespace {

using testing::HasSubstr;

class Conversions : public SnapServerTest {
 protected:
  /// What is known of an event by its id.
  json::object Event(const std::string& id) {
    const Answered received = Received();
    for (const json::value& event : received["events"].as_array()) {
      if (TextMember(event.as_object(), "event_id") == id) return event.as_object();
    }
    ADD_FAILURE() << "no event " << id;
    return {};
  }
  std::int64_t Total(const char* name) { return Received()["totals"].as_object().at(name).as_int64(); }
};

TEST_F(Conversions, AnEventThatIsTakenIsShown) {
  Start();
  const Answered answered = PostEvents("pixel", EventWith());
  EXPECT_EQ(answered.status, 200);
  EXPECT_EQ(answered.Text("status"), "VALID");
  const json::object event = Event("e1");
  EXPECT_EQ(event.at("asset"), "pixel");
  EXPECT_EQ(event.at("event_name"), "PURCHASE");
  EXPECT_EQ(event.at("times"), 1);
  EXPECT_EQ(event.at("identical"), true);
  EXPECT_EQ(event.at("body"), json::parse(EventWith()));
}

TEST_F(Conversions, OneBadEventRefusesTheRequest) {
  Start();
  const Answered answered =
      PostEvents("pixel", EventWith() + "," + EventWith(R"({"event_name": "X", "user_data": {}})"));
  EXPECT_EQ(answered.status, 400);
  EXPECT_EQ(answered.Text("status"), "INVALID");
  EXPECT_EQ(answered["event"], 1);
  const json::object& errors = answered["errors"].as_object();
  EXPECT_EQ(errors.at("codes").as_array().size(), 2U);
  EXPECT_THAT(json::serialize(errors.at("error_msgs")), HasSubstr("insufficient PII"));
  EXPECT_EQ(answered.Text("reason"), "event_name X is not one of Snap's");
  EXPECT_TRUE(Received()["events"].as_array().empty());
}

TEST_F(Conversions, RequestsHaveBounds) {
  SnapServerOptions options = WithoutBound();
  options.assets = {"pixel"};
  options.forbidden = {"theirs"};
  Start(options);
  std::string events = EventWith();
  for (int i = 1; i < 2'000; ++i) events += "," + EventWith(R"({"event_id": ")" + std::to_string(i) + "\"}");
  const std::string big =
      R"({"data":[)" + EventWith(R"({"raw_request": ")" + std::string(5 << 20, 'x') + "\"}") + "]}";
  const std::string path = "/v3/pixel/events?access_token=snap-token";
  EXPECT_EQ(PostEvents("pixel", events).status, 200);
  EXPECT_THAT(PostEvents("pixel", events + "," + EventWith()).Text("reason"), HasSubstr("2001 events"));
  EXPECT_EQ(Call("POST", path, big, {}).status, 413);
  EXPECT_THAT(PostEvents("pixel", "").Text("reason"), HasSubstr("no events"));
  EXPECT_THAT(Call("POST", path, "[]", {}).Text("reason"), HasSubstr("JSON object"));
  EXPECT_THAT(Call("POST", path, "{}", {}).Text("reason"), HasSubstr("data"));
  EXPECT_THAT(Call("POST", path, "{", {}).Text("reason"), HasSubstr("JSON"));
  EXPECT_EQ(Call("POST", path, "x", {{"Content-Encoding", "gzip"}}).status, 415);
  EXPECT_EQ(PostEvents("theirs", EventWith()).status, 403);
  EXPECT_EQ(PostEvents("unknown", EventWith()).status, 403);
  EXPECT_EQ(Call("GET", path).status, 405);
}

TEST_F(Conversions, TheTokenIsAParameter) {
  Start();
  const std::string body = R"({"data":[)" + EventWith() + "]}";
  EXPECT_EQ(Call("POST", "/v3/p/events", body).status, 401);  // only in the header
  const Answered wrong = Call("POST", "/v3/p/events?access_token=other", body, {});
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(wrong.Text("status"), "INVALID");
  EXPECT_THAT(*FindHeader(wrong.headers, "WWW-Authenticate"), HasSubstr("error=\"invalid_token\""));
  EXPECT_EQ(Call("POST", "/v3/p/events?access_token=snap-token", body, {}).status, 200);
}

TEST_F(Conversions, RepeatsAreTakenAndToldApart) {
  Start();
  const std::string changed = EventWith(R"({"custom_data": {"currency": "USD", "value": 13}})");
  EXPECT_EQ(PostEvents("pixel", EventWith() + "," + EventWith()).status, 200);
  EXPECT_EQ(Event("e1").at("times"), 2);
  EXPECT_EQ(Event("e1").at("counted"), 1);
  EXPECT_EQ(Event("e1").at("identical"), true);
  EXPECT_EQ(PostEvents("pixel", changed).status, 200);
  EXPECT_EQ(Event("e1").at("identical"), false);
  EXPECT_EQ(PostEvents("other", EventWith()).status, 200);  // another asset: another event
  EXPECT_EQ(Total("accepted"), 4);
  EXPECT_EQ(Total("counted"), 2);
  EXPECT_EQ(Total("repeated"), 2);
  EXPECT_EQ(Total("repeated_with_another_body"), 1);
}

TEST_F(Conversions, AfterTwoDaysARepeatCountsAgain) {
  Start();
  EXPECT_EQ(PostEvents("pixel", EventWith()).status, 200);
  clock_.Advance(Duration(48 * kTestHour_ms - 1));
  EXPECT_EQ(PostEvents("pixel", EventWith()).status, 200);
  EXPECT_EQ(Total("counted"), 1);
  clock_.Advance(Duration(1));
  EXPECT_EQ(PostEvents("pixel", EventWith()).status, 200);
  EXPECT_EQ(Total("counted"), 2);
  EXPECT_EQ(Event("e1").at("times"), 3);
}

TEST_F(Conversions, OnlyTheNewestEventsAreKept) {
  SnapServerOptions options = WithoutBound();
  options.keep = 2;
  Start(options);
  for (const char* id : {"a", "b", "c"}) {
    EXPECT_EQ(PostEvents("pixel", EventWith(R"({"event_id": ")" + std::string(id) + "\"}")).status, 200);
  }
  EXPECT_EQ(Received()["events"].as_array().size(), 2U);
  EXPECT_EQ(Total("accepted"), 3);
  EXPECT_EQ(Total("forgotten"), 1);
  const Answered one = Get("/_received?limit=1&bodies=false");
  ASSERT_EQ(one["events"].as_array().size(), 1U);
  EXPECT_EQ(one["events"].as_array()[0].as_object().at("event_id"), "c");
  EXPECT_FALSE(one["events"].as_array()[0].as_object().contains("body"));
}

TEST_F(Conversions, ValidatingCountsNothingAndSaysAllThatIsWrong) {
  Start();
  const std::string path = "/v3/pixel/events/validate?access_token=snap-token";
  const std::string bad = EventWith(R"({"event_name": "X"})");
  const Answered answered = Call("POST", path, R"({"data":[)" + bad + "," + EventWith() + "]}", {});
  EXPECT_EQ(answered.status, 400);
  EXPECT_EQ(answered["test_event"], true);
  const json::array& logs = answered["event_logs"].as_array();
  ASSERT_EQ(logs.size(), 2U);
  EXPECT_EQ(logs[0].as_object().at("status"), "INVALID");
  EXPECT_EQ(logs[0].as_object().at("errors").as_object().at("codes"), json::parse(R"(["517"])"));
  EXPECT_EQ(logs[1].as_object().at("status"), "VALID");
  EXPECT_EQ(Call("POST", path, R"({"data":[)" + EventWith() + "]}", {}).status, 200);
  EXPECT_EQ(Total("accepted"), 0);
  EXPECT_EQ(Get("/v3/pixel/events/validate/logs?access_token=snap-token")["logs"].as_array().size(), 3U);
  EXPECT_EQ(Get("/v3/other/events/validate/logs?access_token=snap-token")["logs"].as_array().size(), 0U);
  clock_.Advance(Duration(24 * kTestHour_ms));
  EXPECT_EQ(Get("/v3/pixel/events/validate/logs?access_token=snap-token")["logs"].as_array().size(), 0U);
}

TEST_F(Conversions, StatsCountTheLastHourOfTestAndLiveEvents) {
  Start();
  const std::string path = "/v3/pixel/events/validate/stats?access_token=snap-token";
  EXPECT_EQ(PostEvents("pixel", EventWith() + "," + EventWith()).status, 200);
  EXPECT_EQ(Call("POST", "/v3/pixel/events?access_token=snap-token",
                 R"({"test_event_code": "t", "data":[)" + EventWith(R"({"event_id": "t"})") + "]}", {})
                .status,
            200);
  const auto count = [&](const char* kind) {
    return Get(path)["stats"].as_object().at(kind).as_object().at("event_count_past_hour").as_int64();
  };
  EXPECT_EQ(count("live"), 2);
  EXPECT_EQ(count("test"), 1);
  EXPECT_EQ(Event("t").at("test"), true);
  clock_.Advance(Duration(kTestHour_ms));
  EXPECT_EQ(count("live"), 0);
}

}  // namespace
}  // namespace millrace::snap
