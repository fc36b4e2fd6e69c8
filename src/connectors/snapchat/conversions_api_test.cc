#include "connectors/snapchat/conversions_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Kind = BatchVerdict::Kind;

TEST(ConversionsApi, ARequestHasTheEventsOfOneAssetAndTheTokenInItsUrl) {
  const std::string_view items[] = {R"({"event_name":"SAVE"})", R"({"event_name":"RATE"})"};
  const ClientRequest live = ConversionsApi({}).Request("pixel-1", items, "a/b");
  EXPECT_EQ(live.method, "POST");
  EXPECT_EQ(live.url, "https://tr.snapchat.com/v3/pixel-1/events?access_token=a%2Fb");
  EXPECT_EQ(live.body, R"({"data":[{"event_name":"SAVE"},{"event_name":"RATE"}]})");
  EXPECT_EQ(live.headers, (HttpHeaders{{"Content-Type", "application/json"}}));
  const ConversionsApi test({.url = "http://here", .validate = true, .test_event_code = "a\"b"});
  const ClientRequest checked = test.Request("p", std::span(items).first(1), "t");
  EXPECT_EQ(checked.url, "http://here/v3/p/events/validate?access_token=t");
  EXPECT_EQ(checked.body, R"({"data":[{"event_name":"SAVE"}],"test_event_code":"a\"b"})");
  const ClientRequest header = ConversionsApi({.token_in_header = true}).Request("p", items, "a/b");
  EXPECT_EQ(header.url, "https://tr.snapchat.com/v3/p/events");
  EXPECT_EQ(header.headers,
            (HttpHeaders{{"Content-Type", "application/json"}, {"Authorization", "Bearer a/b"}}));
  const auto size = [](std::string_view text) { return static_cast<std::int64_t>(text.size()); };
  EXPECT_EQ(ConversionsApi({}).EnvelopeBytes(),
            size(live.body) - size(items[0]) - size(",") - size(items[1]));
  EXPECT_EQ(test.EnvelopeBytes(), size(checked.body) - size(items[0]));
}

TEST(ConversionsApi, TheStatusInTheBodyCountsAlsoBehindHttp200) {
  const struct {
    int http;
    const char* body;
    Kind kind;
    const char* says;
  } cases[] = {
      {200, R"({"status":"VALID","reason":"Events have been processed successfully."})", Kind::kAccepted, ""},
      {200, R"({"status":"valid"})", Kind::kAccepted, ""},
      {200, R"({"status":"SUCCESS"})", Kind::kAccepted, ""},
      {200,
       R"({"status":"INVALID","event":0,"reason":"bad","errors":{"codes":["517"],"error_msgs":["no currency"]}})",
       Kind::kRefused, "HTTP 200, INVALID: bad; 517; no currency"},
      {200, "<html>welcome</html>", Kind::kRetry, "HTTP 200: <html>welcome</html>"},
      {200, "", Kind::kRetry, "HTTP 200"},
      {400, R"({"status":"INVALID","reason":"x","errors":{"codes":[1,2]}})", Kind::kRefused,
       "HTTP 400, INVALID: x; 1, 2"},
      {400, "nonsense", Kind::kBlocked, "HTTP 400: nonsense; that is no answer of Snap's: check the url"},
      {400, "", Kind::kBlocked, "HTTP 400; that is no answer"},
      {400, R"({"status":400,"error":"Bad Request"})", Kind::kBlocked, "what stands between"},
      {406, "<html></html>", Kind::kBlocked, "HTTP 406"},
      {410, "<html></html>", Kind::kBlocked, "HTTP 410"},
      {451, "<html>blocked</html>", Kind::kBlocked, "HTTP 451: <html>blocked</html>"},
      {422, R"({"status":"INVALID","reason":"x"})", Kind::kRefused, "HTTP 422, INVALID: x"},
      {400, R"({"reason":"Invalid access token"})", Kind::kUnauthorized, "renew the access token"},
      {400, R"({"status":"INVALID","event_logs":[{"event":0,"errors":{"codes":["517"]}}]})", Kind::kRefused,
       "HTTP 400, INVALID: 517"},
      {413, "", Kind::kRefused, "HTTP 413"},
      {401, R"({"reason":"The access token expired"})", Kind::kUnauthorized, "renew the access token"},
      {400, R"({"status":"INVALID","event":0,"reason":"Invalid access token"})", Kind::kUnauthorized,
       "Invalid access token; renew the access token"},
      {200, R"({"status":"INVALID","reason":"The access token expired"})", Kind::kUnauthorized, "renew"},
      {400, R"({"status":"INVALID","reason":"search_string 'invalid access token' is too long"})",
       Kind::kRefused, "too long"},
      {400, R"({"status":"INVALID","reason":"bad","errors":{"error_msgs":["invalid access token"]}})",
       Kind::kRefused, "bad; invalid access token"},
      {404, R"({"status":"INVALID","reason":"Invalid access token"})", Kind::kForbidden, "check the url"},
      {403, "", Kind::kForbidden, "no right"},
      {404, "", Kind::kForbidden, "check the url"},
      {404, "<html>not found</html>", Kind::kBlocked, "check the url"},
      {403, "<html>blocked</html>", Kind::kBlocked, "that is no answer of Snap's"},
      {403, R"({"reason":"no access"})", Kind::kForbidden, "no right"},
      {405, "", Kind::kBlocked, "check the url"},
      {302, "", Kind::kBlocked, "check the url"},
      {413, "<html>too large</html>", Kind::kRefused, "HTTP 413"},
      {429, "", Kind::kRetry, "HTTP 429"},
      {500, R"({"status":"VALID"})", Kind::kRetry, "HTTP 500"},
  };
  for (const auto& test : cases) {
    const BatchVerdict verdict =
        ConversionsApi({}).Judge({.status = test.http, .headers = {}, .body = test.body});
    EXPECT_EQ(verdict.kind, test.kind) << test.http << " " << test.body;
    EXPECT_THAT(verdict.said + "; " + verdict.advice, HasSubstr(test.says)) << test.http << " " << test.body;
  }
}

TEST(ConversionsApi, AValidationSaysWhatIsWrongWithEachEvent) {
  const auto of_items = [](const char* logs) {
    return ConversionsApi({})
        .Judge({.status = 400,
                .headers = {},
                .body = std::string(R"({"status":"INVALID","event_logs":)") + logs + "}"})
        .of_items;
  };
  EXPECT_THAT(of_items(R"([{"event":0,"status":"VALID"},
                           {"event":1,"status":"INVALID","errors":{"codes":["517"],"error_msgs":["no currency"]}},
                           {"event":2,"status":"INVALID"}])"),
              testing::ElementsAre("", "HTTP 400, INVALID: 517; no currency", "HTTP 400, INVALID"));
  for (const char* logs : {"[]", "[7]", R"([{"event":1,"status":"INVALID"}])", R"([{"event":0}])",
                           R"([{"event":0,"status":"VALID"}])", R"([{"status":"INVALID"}])"})
    EXPECT_THAT(of_items(logs), testing::IsEmpty()) << logs;
}

}  // namespace
}  // namespace millrace
