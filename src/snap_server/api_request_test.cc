#include "snap_server/api_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "snap_server/router.h"

namespace millrace::snap {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

ApiRequest Taken(const std::string& method, const std::string& path, const std::string& query = "",
                 HttpHeaders headers = {}) {
  return TakeApart({method, path, query, "", std::move(headers)}, "http", "127.0.0.1:80");
}

TEST(ApiRequest, FormsAreDecoded) {
  EXPECT_THAT(ParseForm("a=1&b=x%20y+z&c&d=%2B%2b&a=2&=&&e=%zz%4"),
              ElementsAre(Pair("", ""), Pair("a", "2"), Pair("b", "x y z"), Pair("c", ""), Pair("d", "++"),
                          Pair("e", "%zz%4")));
  EXPECT_THAT(ParseForm(""), IsEmpty());
}

TEST(ApiRequest, PathsAreDecodedByTheirParts) {
  EXPECT_THAT(Taken("GET", "/v3/a%2Fb/events").segments, ElementsAre("v3", "a/b", "events"));
  EXPECT_THAT(Taken("GET", "/v3/a+b/").segments, ElementsAre("v3", "a+b"));
  EXPECT_THAT(Taken("GET", "/").segments, IsEmpty());
}

TEST(ApiRequest, ThePathSaysWhoseRulesHold) {
  const struct {
    const char* path;
    Api api;
  } cases[] = {
      {"/v3/pixel/events", Api::kConversions},
      {"/v1/me/organizations", Api::kMarketing},
      {"/v1/me/public_profiles", Api::kProfile},
      {"/v1/organizations/x/public_profiles", Api::kProfile},
      {"/login/oauth2/access_token", Api::kOAuth},
      {"/", Api::kOwn},
      {"/_received", Api::kOwn},
      {"/v2/conversion", Api::kOwn},
  };
  for (const auto& c : cases) EXPECT_EQ(Taken("GET", c.path).api, c.api) << c.path;
}

TEST(ApiRequest, TheTokenIsWhereTheApiWantsIt) {
  const HttpHeaders bearer = {{"authorization", "BEARER abc"}};
  EXPECT_EQ(Taken("GET", "/v1/me", "access_token=other", bearer).Token(), "abc");
  EXPECT_EQ(Taken("GET", "/v3/p/events", "access_token=other", bearer).Token(), "other");
  EXPECT_EQ(Taken("GET", "/v1/me", "", {{"Authorization", "Basic abc"}}).Token(), "");
  EXPECT_EQ(Taken("GET", "/v1/me", "", {{"Authorization", "Bear"}}).Token(), "");
}

TEST(ApiRequest, LinksNameTheHostThatTheClientUsed) {
  EXPECT_EQ(Taken("GET", "/", "", {{"Host", "snap.test:9"}}).base_url, "http://snap.test:9");
  EXPECT_EQ(Taken("GET", "/").base_url, "http://127.0.0.1:80");
}

TEST(Router, FindsTheFirstPatternThatFits) {
  Router router;
  const auto answer = [](const ApiRequest&) { return HttpResponse{}; };
  router.Add("GET", "/", answer);
  router.Add("GET", "/v1/things/mine", answer);
  router.Add("GET", "/v1/things/{id}", answer);
  router.Add("POST", "/v1/things/{id}/parts/{part}", answer);
  const auto found = [&router](const std::string& method, const std::string& path) {
    ApiRequest request = Taken(method, path);
    return router.Find(&request).name;
  };
  EXPECT_EQ(found("GET", "/"), "GET /");
  EXPECT_EQ(found("GET", "/v1/things/mine"), "GET /v1/things/mine");
  EXPECT_EQ(found("HEAD", "/v1/things/7/"), "GET /v1/things/{id}");
  EXPECT_EQ(found("GET", "/v1/things"), "");
  EXPECT_EQ(found("GET", "/v1/things/7/parts/8"), "");
  ApiRequest request = Taken("POST", "/v1/things/a%20b/parts/8");
  EXPECT_NE(router.Find(&request).handler, nullptr);
  EXPECT_EQ(request.PathValue("id"), "a b");
  EXPECT_EQ(request.PathValue("part"), "8");
  request = Taken("PUT", "/v1/things/7");
  EXPECT_TRUE(router.Find(&request).path_known);
}

}  // namespace
}  // namespace millrace::snap
