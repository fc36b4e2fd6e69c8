#include "connectors/snapchat/snap_access.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "http/server.h"

namespace millrace {
namespace {

const std::vector<std::string> kBucket = {SnapAccess::kBucket};

SnapAccessOptions Fixed(const std::string& url, const std::string& token, double per_second = 1) {
  return {.url = url, .login = {.access_token = token, .oauth = {}}, .per_second = per_second};
}

TEST(SnapAccess, OneAddressAndTokenHaveOnePace) {
  const ManualClock clock(EventTime(0));
  SnapAccesses accesses(clock);
  const SnapAccess one = *accesses.Get(Fixed("http://a", "t-1"));
  const SnapAccess same = *accesses.Get(Fixed("http://a", "t-1"));
  EXPECT_EQ(one.limiter->TryTake(kBucket), Duration(0));
  EXPECT_EQ(same.limiter->TryTake(kBucket), Duration(1'000));
  EXPECT_EQ(accesses.Get(Fixed("http://a", "t-2"))->limiter->TryTake(kBucket), Duration(0));
  EXPECT_EQ(accesses.Get(Fixed("http://b", "t-1"))->limiter->TryTake(kBucket), Duration(0));
}

TEST(SnapAccess, TheLowerRateHoldsWhoeverComesFirst) {
  for (const auto& [first, second] : {std::pair(2.0, 10.0), std::pair(10.0, 2.0)}) {
    const ManualClock clock(EventTime(0));
    SnapAccesses accesses(clock);
    const SnapAccess one = *accesses.Get(Fixed("http://a", "t", first));
    ASSERT_TRUE(accesses.Get(Fixed("http://a", "t", second)).ok());
    EXPECT_EQ(one.limiter->TryTake(kBucket), Duration(0));
    EXPECT_EQ(one.limiter->TryTake(kBucket), Duration(0));
    EXPECT_EQ(one.limiter->TryTake(kBucket), Duration(500)) << first;
  }
}

TEST(SnapAccess, OneRefreshTokenOfOneAppIsOneSourceOfTokens) {
  int asked = 0;
  HttpServerOptions server_options;
  server_options.address = "127.0.0.1:0";
  std::vector<HttpRoute> routes;
  routes.push_back(
      {"POST", "/token", [&asked](const HttpRequest&) {  // one thread
         return HttpResponse{200, R"({"access_token":"token-)" + std::to_string(++asked) + "\"}"};
       }});
  const auto server = *HttpServer::Start(server_options, std::move(routes));
  const auto oauth = [&](const std::string& client, const std::string& refresh) {
    SnapAccessOptions options{.url = "http://a", .login = {}};
    options.login.oauth = OAuthOptions{.token_url = "http://" + server->address() + "/token",
                                       .client_id = client,
                                       .client_secret = "secret",
                                       .refresh_token = refresh};
    return options;
  };
  const auto token_of = [](const SnapAccess& access) {
    Mutex mutex;
    ConditionVariable come;
    std::string token;  // guarded by mutex
    access.token("", [&](const Result<std::string>& given) {
      const MutexLock lock(mutex);
      token = given.ok() ? *given : given.status().message();
      come.notify_all();
    });
    MutexLock lock(mutex);
    come.wait(lock, [&] { return !token.empty(); });
    return token;
  };
  const ManualClock clock(EventTime(0));
  SnapAccess outlives;
  {
    SnapAccesses accesses(clock);
    EXPECT_EQ(token_of(*accesses.Get(oauth("app", "r-1"))), "token-1");
    outlives = *accesses.Get(oauth("app", "r-1"));
    EXPECT_EQ(token_of(*accesses.Get(oauth("app", "r-2"))), "token-2");
    EXPECT_EQ(token_of(*accesses.Get(oauth("another", "r-1"))), "token-3");
    SnapAccessOptions elsewhere = oauth("app", "r-1");
    elsewhere.url = "http://b";
    EXPECT_EQ(token_of(*accesses.Get(elsewhere)), "token-1");
  }
  EXPECT_EQ(token_of(outlives), "token-1");
}

}  // namespace
}  // namespace millrace
