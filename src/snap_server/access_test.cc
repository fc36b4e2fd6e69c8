#include "snap_server/access.h"

#include <gtest/gtest.h>

#include "snap_server/snap_server_harness.h"

namespace millrace::snap {
namespace {

constexpr const char* kGrant =
    "grant_type=refresh_token&client_id=snap-client&client_secret=snap-secret&refresh_token=snap-refresh";
constexpr const char* kTokenPath = "/login/oauth2/access_token";

class AccessTest : public SnapServerTest {
 protected:
  Answered Grant(const std::string& form) {
    return Call("POST", kTokenPath, form, {{"Content-Type", "application/x-www-form-urlencoded"}});
  }
  Answered GetWith(const std::string& token) {
    return Call("GET", "/v1/me/organizations", "", {{"Authorization", "Bearer " + token}});
  }
};

TEST_F(AccessTest, ATokenOfOAuthEndsByTheClock) {
  SnapServerOptions options = WithoutBound();
  options.token_life = Duration(60'000);
  Start(options);
  const Answered granted = Grant(kGrant);
  ASSERT_EQ(granted.status, 200) << granted.text;
  EXPECT_EQ(granted["expires_in"], 60);
  EXPECT_EQ(granted.Text("token_type"), "Bearer");
  const std::string token = granted.Text("access_token");
  EXPECT_EQ(GetWith(token).status, 200);
  clock_.Advance(Duration(59'999));
  EXPECT_EQ(GetWith(token).status, 200);
  clock_.Advance(Duration(1));
  const Answered expired = GetWith(token);
  EXPECT_EQ(expired.status, 401);
  EXPECT_EQ(*FindHeader(expired.headers, "WWW-Authenticate"),
            "Bearer error=\"invalid_token\", error_description=\"The access token expired\"");
  EXPECT_EQ(expired.Text("request_status"), "ERROR");
  EXPECT_EQ(GetWith(Grant(kGrant).Text("access_token")).status, 200);
}

TEST_F(AccessTest, TheRefreshTokenComesBackOnlySometimes) {
  Start();
  int with = 0;
  for (int i = 0; i < 40; ++i) with += Grant(kGrant).Text("refresh_token").empty() ? 0 : 1;
  EXPECT_GT(with, 5);
  EXPECT_LT(with, 35);
}

TEST_F(AccessTest, AGrantThatIsWrongIsRefusedInTheWordsOfOAuth) {
  Start();
  const struct {
    std::string form;
    int status;
    std::string error;
  } cases[] = {
      {"", 400, "invalid_request"},
      {"grant_type=password", 400, "unsupported_grant_type"},
      {"grant_type=refresh_token&client_id=other&client_secret=snap-secret&refresh_token=snap-refresh", 401,
       "invalid_client"},
      {"grant_type=refresh_token&client_id=snap-client&client_secret=other&refresh_token=snap-refresh", 401,
       "invalid_client"},
      {"grant_type=refresh_token&client_id=snap-client&client_secret=snap-secret&refresh_token=other", 400,
       "invalid_grant"},
  };
  for (const auto& c : cases) {
    const Answered answered = Grant(c.form);
    EXPECT_EQ(answered.status, c.status) << c.form;
    EXPECT_EQ(answered.Text("error"), c.error) << c.form;
  }
  EXPECT_EQ(Call("POST", kTokenPath, kGrant, {{"Content-Type", "application/json"}}).Text("error"),
            "invalid_request");
}

TEST_F(AccessTest, AMissingOrUnknownTokenIsNotLetIn) {
  Start();
  EXPECT_EQ(Call("GET", "/v1/me/organizations", "", {}).status, 401);
  EXPECT_EQ(GetWith("other").status, 401);
  EXPECT_EQ(GetWith("snap-token").status, 200);
}

TEST_F(AccessTest, ATokenMayAskTenTimesASecondAndAnAppTwenty) {
  Start(SnapServerOptions{});
  const std::string other = Grant(kGrant).Text("access_token");
  const std::string third = Grant(kGrant).Text("access_token");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(GetWith("snap-token").status, 200) << i;
  const Answered refused = GetWith("snap-token");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(FindHeader(refused.headers, "Retry-After"), nullptr);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(GetWith(other).status, 200) << i;
  EXPECT_EQ(GetWith(third).status, 429);  // the app has had its twenty
  clock_.Advance(Duration(100));
  EXPECT_EQ(GetWith(third).status, 200);
}

TEST_F(AccessTest, ConversionsHaveTheBoundOfTheTokenOnly) {
  Start(SnapServerOptions{});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(PostEvents("p", EventWith()).status, 200) << i;
  EXPECT_EQ(PostEvents("p", EventWith()).status, 429);
  clock_.Advance(Duration(1'000));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(PostEvents("p", EventWith()).status, 200) << i;
}

TEST(Access, KnowsABoundedNumberOfTokens) {
  ManualClock clock{kTestNow};
  Access access({}, clock);
  access.Add("first", Duration(1));
  for (std::size_t i = 0; i < Access::kMaxTokens; ++i) access.Add("t" + std::to_string(i), Duration(1'000));
  EXPECT_EQ(access.Of("first"), Access::Standing::kUnknown);
  EXPECT_EQ(access.Of("t0"), Access::Standing::kGood);
}

}  // namespace
}  // namespace millrace::snap
