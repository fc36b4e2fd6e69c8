#include "http/oauth2.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "env/thread.h"
#include "http/server.h"
#include "http/token_response.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// Answers each request with the next of `answers`, the last one again and again, and keeps the bodies.
class TokenEndpoint {
 public:
  explicit TokenEndpoint(std::vector<HttpResponse> answers) : answers_(std::move(answers)) {
    HttpServerOptions options;
    options.address = "127.0.0.1:0";
    std::vector<HttpRoute> routes;
    routes.push_back({"POST", "/token", [this](const HttpRequest& request) { return Answer(request); }});
    routes.push_back({"GET", "/ping", [](const HttpRequest&) { return HttpResponse{200, ""}; }});
    routes.push_back({"POST", "/held", nullptr, [this](const HttpRequest& request, HttpReply reply) {
                        const HttpResponse response = Answer(request);
                        const MutexLock lock(mutex_);
                        held_ = [reply = std::move(reply), response] {
                          reply([response] { return response; });
                        };
                        changed_.notify_all();
                      }});
    server_ = *HttpServer::Start(options, std::move(routes));
  }

  std::string Url(const std::string& path = "/token") const { return "http://" + server_->address() + path; }
  std::vector<std::string> bodies() {
    const MutexLock lock(mutex_);
    return bodies_;
  }
  void Release() {
    MutexLock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, Duration(20'000), [&] { return held_ != nullptr; }));
    held_();
  }

 private:
  HttpResponse Answer(const HttpRequest& request) {
    const MutexLock lock(mutex_);
    EXPECT_EQ(*FindHeader(request.headers, "Content-Type"), "application/x-www-form-urlencoded");
    const std::size_t next = std::min(bodies_.size(), answers_.size() - 1);
    bodies_.push_back(request.body);
    return answers_[next];
  }

  const std::vector<HttpResponse> answers_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::vector<std::string> bodies_;  // guarded by mutex_
  std::function<void()> held_;       // guarded by mutex_
  std::unique_ptr<HttpServer> server_;
};

HttpResponse Granted(const std::string& token, const std::string& more = "") {
  return {200, R"({"access_token":")" + token + R"(","token_type":"Bearer")" + more + "}"};
}

class OAuth : public testing::Test {
 protected:
  TokenSource Source(const TokenEndpoint& endpoint, const std::string& path = "/token") {
    OAuthOptions options;
    options.token_url = endpoint.Url(path);
    options.client_id = "me & you";
    options.client_secret = "canary secret";
    options.refresh_token = "canary+refresh";
    return {std::move(options), *client_, clock_};
  }

  ManualClock clock_{EventTime(1'700'000'000'000)};
  std::unique_ptr<HttpClient> client_ = *HttpClient::Start({});
};

TEST_F(OAuth, AsksWithTheRefreshTokenAsAForm) {
  TokenEndpoint endpoint({Granted("t1", R"(,"expires_in":1800)")});
  TokenSource source = Source(endpoint);
  EXPECT_EQ(*source.Token(), "t1");
  EXPECT_THAT(endpoint.bodies(), ElementsAre("grant_type=refresh_token&refresh_token=canary%2Brefresh"
                                             "&client_id=me%20%26%20you&client_secret=canary%20secret"));
}

TEST_F(OAuth, ReplacesATokenEarlyByItsOwnLife) {
  const struct {
    const char* expires_in;
    Duration kept;
  } cases[] = {{R"(,"expires_in":3600)", Duration(3'540'000)},
               {R"(,"expires_in":"1800")", Duration(1'740'000)},
               {R"(,"expires_in":60)", Duration(30'000)},  // not before half of its life
               {"", Duration(1'740'000)}};
  for (const auto& c : cases) {
    TokenEndpoint endpoint({Granted("t1", c.expires_in), Granted("t2")});
    TokenSource source = Source(endpoint);
    EXPECT_EQ(*source.Token(), "t1");
    clock_.Advance(c.kept - Duration(1));
    EXPECT_EQ(*source.Token(), "t1") << c.expires_in;
    EXPECT_EQ(source.refreshes(), 1);
    clock_.Advance(Duration(1));
    EXPECT_EQ(*source.Token(), "t2") << c.expires_in;
    EXPECT_EQ(source.refreshes(), 2);
  }
}

TEST_F(OAuth, KeepsTheRefreshTokenUntilThereIsANewOne) {
  TokenEndpoint endpoint({Granted("t1"), Granted("t2", R"(,"refresh_token":"second")"), Granted("t3")});
  TokenSource source = Source(endpoint);
  for (const char* token : {"t1", "t2", "t3"}) {
    EXPECT_EQ(*source.Token(), token);
    clock_.Advance(Duration(1'800'000));
  }
  const auto bodies = endpoint.bodies();
  EXPECT_THAT(bodies.at(0), HasSubstr("refresh_token=canary%2Brefresh&"));
  EXPECT_THAT(bodies.at(1), HasSubstr("refresh_token=canary%2Brefresh&"));
  EXPECT_THAT(bodies.at(2), HasSubstr("refresh_token=second&"));
}

TEST_F(OAuth, AsksOnceForAllWhoWait) {
  TokenEndpoint endpoint({Granted("t1")});
  TokenSource source = Source(endpoint, "/held");
  constexpr int kThreads = 8;
  Mutex mutex;
  ConditionVariable changed;
  int ready = 0;
  int granted = 0;
  std::vector<Thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back("asks", [&] {
      {
        const MutexLock lock(mutex);
        ++ready;
        changed.notify_all();
      }
      const auto token = source.Token();
      const MutexLock lock(mutex);
      granted += token.ok() && *token == "t1" ? 1 : 0;
    });
  }
  {
    MutexLock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, Duration(20'000), [&] { return ready == kThreads; }));
  }
  // A second request would arrive before these are answered.
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(client_->Call({"GET", endpoint.Url("/ping")}).ok());
  endpoint.Release();
  threads.clear();
  EXPECT_EQ(granted, kThreads);
  EXPECT_EQ(endpoint.bodies().size(), 1U);
}

TEST_F(OAuth, WhoDoesNotWaitIsToldWhenThereIsOne) {
  TokenEndpoint endpoint({Granted("t1")});
  TokenSource source = Source(endpoint, "/held");
  Mutex mutex;
  ConditionVariable changed;
  std::vector<std::string> told;
  const auto ask = [&] {
    source.Get("", [&](const Result<std::string>& token) {
      const MutexLock lock(mutex);
      told.push_back(token.ok() ? *token : token.status().message());
      changed.notify_all();
    });
  };
  ask();
  ask();
  {
    const MutexLock lock(mutex);
    EXPECT_TRUE(told.empty());
  }
  endpoint.Release();
  {
    MutexLock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, Duration(20'000), [&] { return told.size() == 2; }));
  }
  ask();
  EXPECT_THAT(told, ElementsAre("t1", "t1", "t1")) << "the last one at once";
  EXPECT_EQ(endpoint.bodies().size(), 1U);
}

TEST_F(OAuth, WhoAskedIsToldOfTheEndAlsoWhenTheSourceIsGone) {
  TokenEndpoint endpoint({Granted("t1")});
  int told = 0;
  {
    TokenSource source = Source(endpoint, "/held");
    source.Get("", [&](const Result<std::string>& token) { told += token.ok() ? 0 : 1; });
  }
  client_.reset();
  EXPECT_EQ(told, 1);
}

TEST_F(OAuth, ARefusedTokenIsReplacedOnce) {
  TokenEndpoint endpoint({Granted("t1"), Granted("t2"), Granted("t3")});
  TokenSource source = Source(endpoint);
  EXPECT_EQ(*source.Token(), "t1");
  clock_.Advance(Duration(60'000));
  EXPECT_EQ(*source.TokenAfterRefusal("t1"), "t2");
  EXPECT_EQ(*source.TokenAfterRefusal("t1"), "t2") << "another request with the old token";
  EXPECT_EQ(endpoint.bodies().size(), 2U);
  const auto again = source.TokenAfterRefusal("t2");
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(endpoint.bodies().size(), 2U) << "a third token would not help";
  clock_.Advance(Duration(60'000));  // it worked for a while
  EXPECT_EQ(*source.TokenAfterRefusal("t2"), "t3");
}

TEST_F(OAuth, SaysWhetherAskingAgainHelps) {
  const struct {
    HttpResponse answer;
    ErrorClass expected;
    const char* reason;
  } cases[] = {
      {{400, R"({"error":"invalid_grant","error_description":"revoked"})"},
       ErrorClass::kUser,
       "(invalid_grant: revoked)"},
      {{401, R"({"error":"invalid_client"})"}, ErrorClass::kUser, "(invalid_client)"},
      {{403, "<html>no</html>"}, ErrorClass::kUser, "HTTP 403"},
      {{429, ""}, ErrorClass::kRetryable, "HTTP 429"},
      {{500, "{"}, ErrorClass::kRetryable, "HTTP 500"},
      {{200, ""}, ErrorClass::kRetryable, "no access_token"},
      {{200, R"({"access_token":17})"}, ErrorClass::kRetryable, "no access_token"},
      {{302, ""}, ErrorClass::kUser, "HTTP 302"},
  };
  for (const auto& c : cases) {
    TokenEndpoint endpoint({c.answer, Granted("t1")});
    TokenSource source = Source(endpoint);
    const auto token = source.Token();
    ASSERT_FALSE(token.ok()) << c.answer.status;
    EXPECT_EQ(token.status().error_class(), c.expected) << c.answer.status;
    EXPECT_THAT(token.status().message(), HasSubstr(c.reason));
    EXPECT_EQ(*source.Token(), "t1") << "the next one asks anew";
  }
}

TEST_F(OAuth, NeverShowsASecret) {
  const std::string echo =
      R"({"error":"bad","error_description":"canary secret, canary+refresh and canary%2Brefresh"})";
  TokenEndpoint endpoint({{400, echo}, {200, echo}, {500, echo}});
  TokenSource source = Source(endpoint, "/token?client_secret=canary");
  for (int i = 0; i < 3; ++i) {
    const auto token = source.Token();
    ASSERT_FALSE(token.ok());
    EXPECT_THAT(token.status().message(), Not(HasSubstr("canary")));
  }
}

TEST_F(OAuth, AnEndpointThatIsNotThereMayComeBack) {
  OAuthOptions options;
  options.token_url = "http://127.0.0.1:1/token?client_secret=canary";
  TokenSource source(options, *client_, clock_);
  const auto token = source.Token();
  ASSERT_FALSE(token.ok());
  EXPECT_EQ(token.status().error_class(), ErrorClass::kRetryable);
  EXPECT_THAT(token.status().message(), Not(HasSubstr("canary")));
}

TEST(TokenResponse, TakesWhatFits) {
  const struct {
    const char* json;
    const char* token;
    std::optional<Duration> life;
  } cases[] = {
      {R"({"access_token":"a","expires_in":1.5})", "a", Duration(1'500)},
      {R"({"access_token":"a","expires_in":1e300})", "a", Duration(3'200'000'000'000)},
      {R"({"access_token":"a","expires_in":-1})", "a", std::nullopt},
      {R"({"access_token":"a","expires_in":"soon"})", "a", std::nullopt},
      {R"({"access_token":"a","expires_in":null})", "a", std::nullopt},
      {R"({"access_token":null})", "", std::nullopt},
      {"[1]", "", std::nullopt},
      {"null", "", std::nullopt},
      {"<html>", "", std::nullopt},
      {"", "", std::nullopt},
  };
  for (const auto& c : cases) {
    const TokenResponse response = ReadTokenResponse(c.json);
    EXPECT_EQ(response.access_token, c.token) << c.json;
    EXPECT_EQ(response.expires_in, c.life) << c.json;
  }
  // Deeper than any answer: refused without harm.
  EXPECT_EQ(ReadTokenResponse(std::string(100'000, '[')).access_token, "");
}

}  // namespace
}  // namespace millrace
