#include "connectors/snapchat/audience_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/snapchat/ads_answer.h"
#include "connectors/snapchat/audience_changes.h"

namespace millrace {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Kind = BatchVerdict::Kind;

TEST(AudienceApi, ARequestHasIdentifiersOfOneKindAndTheTokenInItsHeader) {
  const AudienceApi api("http://here", AudienceSchema::kMobileAdId);
  const std::string one = AudienceApi::ItemOf("aa");
  const std::string two = AudienceApi::ItemOf("bb");
  const std::string_view items[] = {one, two};
  const ClientRequest add = api.Request(AudienceApi::GroupOf(AudienceAction::kAdd, "s-1"), items, "t");
  EXPECT_EQ(add.method, "POST");
  EXPECT_EQ(add.url, "http://here/v1/segments/s-1/users");
  EXPECT_EQ(add.body, R"({"users":[{"schema":["MOBILE_AD_ID_SHA256"],"data":[["aa"],["bb"]]}]})");
  EXPECT_EQ(add.headers, (HttpHeaders{{"Authorization", "Bearer t"}, {"Content-Type", "application/json"}}));
  const ClientRequest remove =
      api.Request(AudienceApi::GroupOf(AudienceAction::kRemove, "a/b"), std::span(items).first(1), "t");
  EXPECT_EQ(remove.method, "DELETE");
  EXPECT_EQ(remove.url, "http://here/v1/segments/a%2Fb/users");
  EXPECT_EQ(remove.body, R"({"users":[{"schema":["MOBILE_AD_ID_SHA256"],"data":[["aa"]]}]})");
  EXPECT_EQ(api.EnvelopeBytes(), static_cast<std::int64_t>(remove.body.size() - one.size()));
}

TEST(AudienceApi, WhatTheAnswerSaysOfItselfAndOfTheUsersCountsAlsoBehindHttp200) {
  const struct {
    int http;
    const char* body;
    Kind kind;
    const char* says;
  } cases[] = {
      {200,
       R"({"request_status":"SUCCESS","users":[{"sub_request_status":"SUCCESS","user":{"number_uploaded_users":2}}]})",
       Kind::kAccepted, ""},
      {200, R"({"request_status":"success","users":[{"sub_request_status":"success"}]})", Kind::kAccepted,
       ""},
      {200, R"({"request_status":"SUCCESS"})", Kind::kAccepted, ""},
      {201, R"({"request_status":"SUCCESS"})", Kind::kAccepted, ""},
      {200,
       R"({"request_status":"ERROR","debug_message":"bad","display_message":"sorry","error_code":"E2002"})",
       Kind::kRefused, "HTTP 200, ERROR: E2002; bad; sorry"},
      {200,
       R"({"request_status":"SUCCESS","users":[{"sub_request_status":"ERROR","sub_request_error_reason":"no hash"}]})",
       Kind::kRefused, "HTTP 200, SUCCESS: no hash"},
      {200, R"({"request_status":"PARTIAL"})", Kind::kRefused, "HTTP 200, PARTIAL"},
      {200, "<html>welcome</html>", Kind::kRetry, "HTTP 200: <html>welcome</html>"},
      {200, "", Kind::kRetry, "HTTP 200"},
      {200, "[1]", Kind::kRetry, "HTTP 200: [1]"},
      {200, R"({"users":[]})", Kind::kRetry, "HTTP 200"},
      {400, R"({"request_status":"ERROR","debug_message":"x","display_message":"x","error_code":"E1001"})",
       Kind::kRefused, "HTTP 400, ERROR: E1001; x"},
      {400, R"({"request_status":"ERROR","error_code":"E3002"})", Kind::kBlocked, "no right"},
      {413, "", Kind::kRefused, "HTTP 413"},
      {400, "<html></html>", Kind::kBlocked, "HTTP 400: <html></html>; that is no answer of Snap's"},
      {451, "", Kind::kBlocked, "check the url and what stands between"},
      {401, R"({"request_status":"ERROR","debug_message":"unauthorized"})", Kind::kUnauthorized,
       "unauthorized; renew the access token"},
      {400, R"({"request_status":"ERROR","debug_message":"Invalid access token","error_code":"E1001"})",
       Kind::kUnauthorized, "renew the access token"},
      {200, R"({"request_status":"ERROR","debug_message":"access token expired"})", Kind::kUnauthorized,
       "renew"},
      {400, R"({"request_status":"ERROR","debug_message":"name 'invalid token' is taken"})", Kind::kRefused,
       "is taken"},
      {403, R"({"request_status":"ERROR","error_code":"E3002"})", Kind::kBlocked, "no right"},
      {403, "", Kind::kBlocked, "no right"},
      {404, "", Kind::kBlocked, "check the url and the ids"},
      {405, "", Kind::kBlocked, "check the url"},
      {302, "", Kind::kBlocked, "check the url"},
      {429, "", Kind::kRetry, "HTTP 429"},
      {500, R"({"request_status":"SUCCESS"})", Kind::kRetry, "HTTP 500"},
      {503, R"({"request_status":"ERROR","error_code":"E3002"})", Kind::kRetry, "HTTP 503"},
  };
  const AudienceApi api("http://here", AudienceSchema::kEmail);
  for (const auto& test : cases) {
    const BatchVerdict verdict = api.Judge({.status = test.http, .headers = {}, .body = test.body});
    EXPECT_EQ(verdict.kind, test.kind) << test.http << " " << test.body;
    EXPECT_THAT(verdict.said + "; " + verdict.advice, HasSubstr(test.says)) << test.http << " " << test.body;
  }
}

TEST(AdsAnswer, SegmentsAreReadAsFarAsTheyGo) {
  const SegmentsAnswer answer = ReadSegments(
      {.status = 200,
       .headers = {},
       .body = R"({"request_status":"SUCCESS","paging":{"next_link":"https://x/v1/y?cursor=1"},"segments":[
         {"segment":{"id":"a","name":"n","created_at":"2026","upload_status":"processing",
                     "targetable_status":"READY","approximate_number_users":12}},
         {"segment":{"name":"without an id"}}, {"segment":7}, 8, {"segment":{"id":"b","approximate_number_users":"x"}}]})"});
  EXPECT_EQ(answer.next_link, "https://x/v1/y?cursor=1");
  ASSERT_EQ(answer.segments.size(), 2U);
  EXPECT_EQ(answer.segments[0].id, "a");
  EXPECT_EQ(answer.segments[0].upload_status, "PROCESSING");
  EXPECT_EQ(answer.segments[0].targetable_status, "READY");
  EXPECT_EQ(answer.segments[0].users, 12);
  EXPECT_EQ(answer.segments[1].id, "b");
  EXPECT_EQ(answer.segments[1].users, std::nullopt);
  EXPECT_TRUE(ReadSegments({.status = 200, .headers = {}, .body = "nonsense"}).segments.empty());
}

TEST(AudienceChanges, TakeHashesOnly) {
  AudienceChanges changes;
  const std::string hash(64, 'A');
  EXPECT_TRUE(changes.Put(hash, AudienceAction::kAdd, 1));
  for (const std::string& text : {std::string(), std::string(63, 'a'), std::string(65, 'a'),
                                  std::string(63, 'a') + "g", std::string(63, 'a') + " "})
    EXPECT_FALSE(changes.Put(text, AudienceAction::kAdd, 2)) << text;
  ASSERT_EQ(changes.all().size(), 1U);
  EXPECT_EQ(changes.all()[0].row, 1);
  EXPECT_TRUE(changes.Put(std::string(64, 'a'), AudienceAction::kRemove, 3)) << "the same in lower case";
  ASSERT_EQ(changes.all().size(), 1U);
  EXPECT_EQ(changes.all()[0].action, AudienceAction::kRemove);
  EXPECT_EQ(changes.all()[0].row, 3);
  changes.Clear();
  EXPECT_TRUE(changes.empty());
}

}  // namespace
}  // namespace millrace
