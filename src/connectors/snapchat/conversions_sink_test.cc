#include "connectors/snapchat/conversions_sink.h"

#include <map>
#include <string>
#include <vector>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "connectors/snapchat/conversion_harness.h"
#include "http/server.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Answers as Snap does: refuses requests with an event whose id has "bad" in it.
class Snap {
 public:
  Snap() {
    HttpServerOptions options;
    options.address = "127.0.0.1:0";
    std::vector<HttpRoute> routes;
    routes.push_back({"POST", "/v3/", [this](const HttpRequest& request) { return Take(request); }});
    routes.push_back(
        {"POST", "/token", [this](const HttpRequest&) {
           const MutexLock lock(mutex_);
           return HttpResponse{200, R"({"access_token":"token-)" + std::to_string(++granted_) + "\"}"};
         }});
    server_ = *HttpServer::Start(options, std::move(routes));
  }
  std::string url() const { return "http://" + server_->address(); }
  /// Refuses it from now on.
  void set_expired(const std::string& token) {
    const MutexLock lock(mutex_);
    expired_ = token;
  }
  /// Bodies that were taken, by path and query.
  std::map<std::string, std::vector<std::string>> taken() {
    const MutexLock lock(mutex_);
    return taken_;
  }

 private:
  HttpResponse Take(const HttpRequest& request) {
    if (request.body.find("bad") != std::string::npos)
      return {400, R"({"status":"INVALID","event":0,"reason":"bad event","errors":{"codes":["517"]}})"};
    const MutexLock lock(mutex_);
    if (!expired_.empty() && request.query.ends_with(expired_)) return {401, R"({"reason":"expired"})"};
    taken_[request.path + "?" + request.query].push_back(request.body);
    return {200, R"({"status":"VALID"})"};
  }

  Mutex mutex_;
  std::map<std::string, std::vector<std::string>> taken_;  // guarded by mutex_, as all below
  std::string expired_;
  int granted_ = 0;
  std::unique_ptr<HttpServer> server_;
};

class ConversionsSinkTest : public testing::Test {
 protected:
  std::unique_ptr<Sink> Make(const Batch& batch, const std::string& asset = "pixel",
                             SnapLogin login = {.access_token = "secret-token", .oauth = {}}) {
    const ConversionsOptions options{
        .connection = {.step = "sink-1", .login = std::move(login), .per_second = 1'000},
        .api = {.url = snap_.url()}};
    auto connection = ConversionsConnection::Make(options, clock_, metrics_);
    EXPECT_TRUE(connection.ok());
    return *MakeConversionsSink(batch.data->schema(), {.action_source = "OFFLINE"}, asset, *connection);
  }
  static Batch Events(const std::vector<std::string>& ids, const std::string& asset = "") {
    ConversionCase given;
    given.columns = "event_id: string; asset: string";
    given.map = {{"event_name", "'SAVE'"}, {"em", "'a@b.c'"}};
    given.asset = asset;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      given.rows.push_back(R"({"event_id":")" + ids[i] + R"(","asset":"asset-)" + std::to_string(i % 2) +
                           "\"}");
    }
    return BatchOf(given);
  }

  Snap snap_;
  const ManualClock clock_{EventTime(kNowMs)};
  MetricRegistry metrics_;
};

TEST_F(ConversionsSinkTest, RowsAreSettledWhenSnapTookThemAndFailedWhenItRefusedThem) {
  const Batch first = Events({"a", "bad-1", "c"});
  const Batch second = Events({"d", "e", "bad-2"});
  const auto sink = Make(first);
  std::vector<RowError> errors;
  std::vector<LateRow> late;
  std::vector<FailedRows> failed;
  SinkContext context{.errors = &errors, .late = &late, .failed = &failed};
  ASSERT_TRUE(sink->Write(first, context).ok());
  ASSERT_TRUE(sink->Write(second, context).ok());
  EXPECT_EQ(context.unsettled, 6);
  ASSERT_TRUE(sink->Settle(Duration(20'000)));
  ASSERT_TRUE(sink->Prepare(context).ok());
  EXPECT_EQ(context.settled, 4);
  EXPECT_GT(context.bytes, 0);
  ASSERT_EQ(failed.size(), 2U);
  EXPECT_EQ(failed[0].batch.data, first.data);
  EXPECT_EQ(failed[1].batch.data, second.data);
  for (const auto& [rows, row] : {std::pair(failed[0], 1), std::pair(failed[1], 2)}) {
    ASSERT_EQ(rows.errors.size(), 1U);
    EXPECT_EQ(rows.errors[0].row, row);
    EXPECT_EQ(rows.errors[0].error_class, "refused");
    EXPECT_EQ(rows.errors[0].message, "Snap refused it: HTTP 400, INVALID: bad event; 517");
  }
  EXPECT_TRUE(errors.empty() && late.empty());
  // The next checkpoint begins with nothing.
  SinkContext next{.errors = &errors, .late = &late, .failed = &failed};
  ASSERT_TRUE(sink->Settle(Duration(0)));
  ASSERT_TRUE(sink->Prepare(next).ok());
  EXPECT_EQ(next.settled, 0);
  EXPECT_EQ(failed.size(), 2U);
}

TEST_F(ConversionsSinkTest, ATokenThatExpiredIsReplacedAndTheEventsAreSentAgain) {
  const Batch batch = Events({"a"});
  const auto sink = Make(batch, "pixel",
                         {.access_token = {},
                          .oauth = OAuthOptions{.token_url = snap_.url() + "/token",
                                                .client_id = "me",
                                                .client_secret = "canary-secret",
                                                .refresh_token = "canary-refresh",
                                                .min_life = Duration(0)}});
  snap_.set_expired("token-1");
  std::vector<RowError> errors;
  std::vector<LateRow> late;
  std::vector<FailedRows> failed;
  SinkContext context{.errors = &errors, .late = &late, .failed = &failed};
  ASSERT_TRUE(sink->Write(batch, context).ok());
  ASSERT_TRUE(sink->Settle(Duration(20'000)));
  ASSERT_TRUE(sink->Prepare(context).ok());
  EXPECT_EQ(context.settled, 1);
  EXPECT_TRUE(failed.empty());
  EXPECT_TRUE(snap_.taken().contains("/v3/pixel/events?access_token=token-2"));
}

TEST_F(ConversionsSinkTest, EventsGoToTheirAssets) {
  const Batch batch = Events({"a", "b", "c", ""}, "case when event_id <> '' then asset end");
  const auto sink = Make(batch, "");
  std::vector<RowError> errors;
  std::vector<LateRow> late;
  SinkContext context{.errors = &errors, .late = &late};
  ASSERT_TRUE(sink->Write(batch, context).ok());
  ASSERT_TRUE(sink->Settle(Duration(20'000)));
  const auto taken = snap_.taken();
  ASSERT_EQ(taken.size(), 2U);
  const auto& bodies = taken.at("/v3/asset-0/events?access_token=secret-token");
  ASSERT_EQ(bodies.size(), 1U);
  EXPECT_THAT(bodies[0],
              testing::AllOf(HasSubstr("\"a\""), HasSubstr("\"c\""), testing::Not(HasSubstr("\"b\""))));
  EXPECT_TRUE(taken.contains("/v3/asset-1/events?access_token=secret-token"));
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].message, "asset_id is missing");
}

}  // namespace
}  // namespace millrace
