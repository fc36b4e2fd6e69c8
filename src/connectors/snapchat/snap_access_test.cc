#include "connectors/snapchat/snap_access.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "connectors/snapchat/snap_connection.h"
#include "http/server.h"

namespace millrace {
namespace {

SnapAccessOptions Fixed(const std::string& url, const std::string& token, double per_second = 1) {
  return {.url = url, .login = {.access_token = token, .oauth = {}}, .per_second = per_second};
}

SnapAccessOptions Refreshed(const std::string& url, const std::string& client, const std::string& refresh) {
  SnapAccessOptions options{.url = url, .login = {}};
  options.login.oauth = OAuthOptions{
      .token_url = "http://token", .client_id = client, .client_secret = "secret", .refresh_token = refresh};
  return options;
}

SnapAccessOptions Named(SnapAccessOptions options, const std::string& app) {
  options.app = app;
  return options;
}

/// Takes as much as it may.
bool Take(const SnapAccess& access) { return access.limiter->TryTake(access.buckets()) == Duration(0); }

TEST(SnapAccess, OneAddressAndTokenHaveOnePace) {
  const ManualClock clock(EventTime(0));
  SnapAccesses accesses(clock);
  const SnapAccess one = *accesses.Get(Fixed("http://a", "t-1"));
  const SnapAccess same = *accesses.Get(Fixed("http://a", "t-1"));
  EXPECT_TRUE(Take(one));
  EXPECT_EQ(same.limiter->TryTake(same.buckets()), Duration(1'000));
  EXPECT_TRUE(Take(*accesses.Get(Fixed("http://a", "t-2"))));
  EXPECT_TRUE(Take(*accesses.Get(Fixed("http://b", "t-1"))));
}

TEST(SnapAccess, TheLowerRateHoldsWhoeverComesFirst) {
  for (const auto& [first, second] : {std::pair(2.0, 10.0), std::pair(10.0, 2.0)}) {
    const ManualClock clock(EventTime(0));
    SnapAccesses accesses(clock);
    const SnapAccess one = *accesses.Get(Fixed("http://a", "t", first));
    ASSERT_TRUE(accesses.Get(Fixed("http://a", "t", second)).ok());
    EXPECT_TRUE(Take(one));
    EXPECT_TRUE(Take(one));
    EXPECT_EQ(one.limiter->TryTake(one.buckets()), Duration(500)) << first;
  }
}

/// What each of `tokens` could take in ten seconds in which all ask all the time, in turns. Checks at each
/// moment that none took more than a second's worth at once and then `per_second`, and all together no more
/// than that of `all_per_second`.
std::vector<int> TakenInTenSeconds(const std::vector<SnapAccess>& tokens, ManualClock* clock, int per_second,
                                   int all_per_second) {
  std::vector<int> taken(tokens.size());
  int all = 0;
  for (int ms = 0; ms < 10'000; ++ms) {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const std::size_t token = (i + static_cast<std::size_t>(ms)) % tokens.size();
      while (Take(tokens[token])) {
        ++taken[token];
        ++all;
      }
      EXPECT_LE(taken[token], per_second + per_second * ms / 1'000 + 1) << ms;
    }
    EXPECT_LE(all, all_per_second + all_per_second * ms / 1'000 + 1) << ms;
    clock->Advance(Duration(1));
  }
  return taken;
}

TEST(SnapAccess, TokensOfOneAppKeepItsPaceTogetherAndEachItsOwn) {
  ManualClock clock(EventTime(0));
  SnapAccesses accesses(clock);
  std::vector<SnapAccess> tokens;
  for (const char* token : {"t-1", "t-2", "t-3"})
    tokens.push_back(*accesses.Get(Fixed("http://a", token, 10)));
  const auto taken = TakenInTenSeconds(tokens, &clock, 10, 20);
  EXPECT_GE(taken[0] + taken[1] + taken[2], 215) << "and no less than there is";
}

TEST(SnapAccess, AppsDoNotHoldEachOtherBack) {
  ManualClock clock(EventTime(0));
  SnapAccesses accesses(clock);
  std::vector<SnapAccess> tokens;
  for (const char* app : {"one", "two"}) {
    for (const char* token : {"t-1", "t-2"})
      tokens.push_back(*accesses.Get(Named(Fixed("http://a", std::string(app) + token, 10), app)));
  }
  for (const int taken : TakenInTenSeconds(tokens, &clock, 10, 40)) EXPECT_GE(taken, 105);
}

TEST(SnapAccess, WhatIsOneApp) {
  const SnapAccessOptions fixed = Fixed("http://a", "t-1");
  const SnapAccessOptions refreshed = Refreshed("http://a", "client", "r-1");
  SnapAccessOptions elsewhere = refreshed;
  elsewhere.login.oauth->token_url = "http://other-token";
  const struct {
    const char* what;
    SnapAccessOptions first;
    SnapAccessOptions second;
    bool one;
  } cases[] = {
      {"tokens of one url", fixed, Fixed("http://a", "t-2"), true},
      {"tokens of different urls", fixed, Fixed("http://b", "t-2"), false},
      {"a token with a name and one without", fixed, Named(Fixed("http://a", "t-2"), "x"), false},
      {"tokens with one name", Named(fixed, "x"), Named(Fixed("http://b", "t-2"), "x"), true},
      {"tokens with two names", Named(fixed, "x"), Named(fixed, "y"), false},
      {"one client, at whatever url", refreshed, Refreshed("http://b", "client", "r-2"), true},
      {"two clients", refreshed, Refreshed("http://a", "another", "r-1"), false},
      {"clients of two token servers", refreshed, elsewhere, false},
      {"a client and a token", refreshed, fixed, false},
      {"a client and a token with one name", Named(refreshed, "x"), Named(fixed, "x"), true},
  };
  for (const auto& c : cases) {
    const ManualClock clock(EventTime(0));
    SnapAccesses accesses(clock);
    const SnapAccess first = *accesses.Get(c.first);
    EXPECT_EQ(first.app_bucket == accesses.Get(c.second)->app_bucket, c.one) << c.what;
  }
}

TEST(SnapAccess, ThePaceOfAnAppIsTheLowestThatIsSaidElse20OrThatOfItsFastestToken) {
  const struct {
    std::vector<std::pair<double, std::optional<double>>> rates;  // per_second and app_per_second of tokens
    int in_a_second;
  } cases[] = {
      {{{100, 5}, {100, 8}}, 5},
      {{{100, 8}, {100, 5}}, 5},
      {{{100, std::nullopt}, {100, 30}}, 30},
      {{{100, 30}, {100, std::nullopt}}, 30},
      {{{15, std::nullopt}, {15, std::nullopt}}, 20},
      {{{10, std::nullopt}, {50, std::nullopt}}, 50},
      {{{50, std::nullopt}, {10, std::nullopt}}, 50},
      {{{500, 1'000}, {500, std::nullopt}, {500, std::nullopt}}, 1'000},
  };
  for (const auto& c : cases) {
    ManualClock clock(EventTime(0));
    SnapAccesses accesses(clock);
    std::vector<SnapAccess> tokens;
    for (const auto& [per_second, app_per_second] : c.rates) {
      SnapAccessOptions options = Fixed("http://a", "t-" + std::to_string(tokens.size()), per_second);
      options.app_per_second = app_per_second;
      tokens.push_back(*accesses.Get(options));
    }
    const auto take_all = [&tokens] {
      int taken = 0;
      while (tokens[0].limiter->TryTake({tokens[0].app_bucket}) == Duration(0)) ++taken;
      return taken;
    };
    (void)take_all();
    clock.Advance(Duration(1'000));
    EXPECT_EQ(take_all(), c.in_a_second);
  }
}

TEST(SnapAccess, ARequestBesideTheDeliveriesOfASinkKeepsThePaceOfItsApp) {
  const ManualClock clock(EventTime(0));
  MetricRegistry metrics;
  const auto shared = std::make_shared<SnapAccesses>(clock);
  SnapConnectionOptions options{.step = "sink-1", .access = Fixed("http://a", "t-1", 10), .shared = shared};
  options.access.app_per_second = 1;
  const auto connection = *SnapConnection::Make(std::move(options), clock, metrics);
  int made = 0;
  const auto ask = [&] {
    connection->SendAside(
        [&made](const std::string&) {
          ++made;
          return ClientRequest{.url = "http://127.0.0.1:1/"};
        },
        [](const Result<ClientResponse>&) {});
  };
  ask();
  ask();
  EXPECT_EQ(made, 1);
  EXPECT_FALSE(Take(*shared->Get(Fixed("http://a", "t-2", 10)))) << "it took what there was";
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
    SnapAccessOptions options = Refreshed("http://a", client, refresh);
    options.login.oauth->token_url = "http://" + server->address() + "/token";
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
