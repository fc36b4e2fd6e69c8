#include "connectors/snapchat/conversions_sink.h"

#include <map>
#include <string>
#include <vector>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "connectors/snapchat/conversion_harness.h"
#include "env/file.h"
#include "env/random.h"
#include "env/resource_usage.h"
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
           ++requests_;
           if (revoked_) return HttpResponse{400, R"({"error":"invalid_grant"})"};
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
  /// What it answers to such a token.
  void set_refusal(HttpResponse response) {
    const MutexLock lock(mutex_);
    refusal_ = std::move(response);
  }
  /// Gives no further token.
  void set_revoked(bool revoked) {
    const MutexLock lock(mutex_);
    revoked_ = revoked;
  }
  /// Every request is sent there.
  void set_elsewhere(const std::string& url) {
    const MutexLock lock(mutex_);
    elsewhere_ = url;
  }
  /// For tokens and with events.
  int requests() {
    const MutexLock lock(mutex_);
    return requests_;
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
    ++requests_;
    if (!elsewhere_.empty()) {
      const std::string location = elsewhere_ + request.path + "?" + request.query;
      return {307, "", "text/plain", {{"Location", location}}};
    }
    if (!expired_.empty() && request.query.ends_with(expired_)) return refusal_;
    taken_[request.path + "?" + request.query].push_back(request.body);
    return {200, R"({"status":"VALID"})"};
  }

  Mutex mutex_;
  std::map<std::string, std::vector<std::string>> taken_;  // guarded by mutex_, as all below
  std::string expired_;
  HttpResponse refusal_{401, R"({"reason":"expired"})"};
  std::string elsewhere_;
  bool revoked_ = false;
  int requests_ = 0;
  int granted_ = 0;
  std::unique_ptr<HttpServer> server_;
};

class ConversionsSinkTest : public testing::Test {
 protected:
  std::unique_ptr<Sink> Make(const Batch& batch, const std::string& asset = "pixel",
                             SnapLogin login = {.access_token = "secret-token", .oauth = {}},
                             double per_second = 1'000'000) {
    const ConversionsOptions options{
        // the rate is none: the clock mostly stands still
        .connection = {.step = "sink-1",
                       .access = {.url = {}, .login = std::move(login), .per_second = per_second},
                       .shared = shared_},
        .api = {.url = snap_.url(), .validate = validate_}};
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

  static SnapLogin Refreshed(const std::string& url) {
    return {.access_token = {},
            .oauth = OAuthOptions{.token_url = url + "/token",
                                  .client_id = "me",
                                  .client_secret = "canary-secret",
                                  .refresh_token = "canary-refresh",
                                  .min_life = Duration(0)}};
  }

  /// Until the sink waits for somebody to correct something.
  void AwaitPause(Sink& sink) {
    for (int i = 0; i < 200 && metrics_.Sum("millrace_delivery_paused") < 1; ++i)
      EXPECT_FALSE(sink.Settle(Duration(50)));
    EXPECT_EQ(metrics_.Sum("millrace_delivery_paused"), 1);
  }
  /// When that was done.
  void DeliverAfterPauses(Sink& sink) {
    for (int i = 0; i < 200 && !sink.Settle(Duration(50)); ++i) clock_.Advance(Duration(61'000));
    ASSERT_TRUE(sink.Prepare(context_).ok());
    EXPECT_EQ(metrics_.Sum("millrace_delivery_paused"), 0);
  }

  /// All of it, with what Snap says of it in the members below.
  void Deliver(const Batch& batch, Sink& sink) {
    ASSERT_TRUE(sink.Write(batch, context_).ok());
    ASSERT_TRUE(sink.Settle(Duration(20'000)));
    ASSERT_TRUE(sink.Prepare(context_).ok());
  }

  std::vector<RowError> errors_;
  std::vector<LateRow> late_;
  std::vector<FailedRows> failed_;
  SinkContext context_{.errors = &errors_, .late = &late_, .failed = &failed_};

  Snap snap_;
  ManualClock clock_{EventTime(kNowMs)};
  std::shared_ptr<SnapAccesses> shared_;
  bool validate_ = false;
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
  const auto sink = Make(batch, "pixel", Refreshed(snap_.url()));
  snap_.set_expired("token-1");
  ASSERT_NO_FATAL_FAILURE(Deliver(batch, *sink));
  EXPECT_EQ(context_.settled, 1);
  EXPECT_TRUE(failed_.empty());
  EXPECT_TRUE(snap_.taken().contains("/v3/pixel/events?access_token=token-2"));
}

TEST_F(ConversionsSinkTest, ATokenThatIsRefusedWithHttp400IsReplacedAndMakesNoDeadLetters) {
  const Batch batch = Events({"a", "b", "invalid access token"});
  const auto sink = Make(batch, "pixel", Refreshed(snap_.url()));
  snap_.set_expired("token-1");
  snap_.set_refusal({400, R"({"status":"INVALID","event":0,"reason":"Invalid access token"})"});
  ASSERT_NO_FATAL_FAILURE(Deliver(batch, *sink));
  EXPECT_EQ(context_.settled, 3);
  EXPECT_TRUE(failed_.empty());
  // Where none is to be had it pauses.
  snap_.set_expired("token-2");
  snap_.set_revoked(true);
  ASSERT_TRUE(sink->Write(batch, context_).ok());
  AwaitPause(*sink);
  snap_.set_revoked(false);
  ASSERT_NO_FATAL_FAILURE(DeliverAfterPauses(*sink));
  EXPECT_EQ(context_.settled, 6);
  EXPECT_TRUE(failed_.empty());
}

TEST_F(ConversionsSinkTest, EachEventThatAValidationRefusesFailsWithItsOwnCodesAfterOneRequest) {
  const Batch batch = Events({"a", "b", "c"});
  const auto sink = Make(batch);
  snap_.set_expired("secret-token");
  snap_.set_refusal({400, R"({"status":"INVALID","reason":"no","event_logs":[
      {"event":0,"status":"INVALID","errors":{"codes":["517"]}},{"event":1,"status":"VALID"},
      {"event":2,"status":"INVALID","errors":{"codes":["518"]}}]})"});
  ASSERT_NO_FATAL_FAILURE(Deliver(batch, *sink));
  EXPECT_EQ(context_.settled, 1);
  EXPECT_EQ(snap_.requests(), 1);
  ASSERT_EQ(failed_.size(), 1U);
  ASSERT_EQ(failed_[0].errors.size(), 2U);
  EXPECT_EQ(failed_[0].errors[0].row, 0);
  EXPECT_EQ(failed_[0].errors[0].message, "Snap refused it: HTTP 400, INVALID: 517");
  EXPECT_EQ(failed_[0].errors[1].row, 2);
  EXPECT_EQ(failed_[0].errors[1].message, "Snap refused it: HTTP 400, INVALID: 518");
}

TEST_F(ConversionsSinkTest, WhatIsNoAnswerOfSnapsPausesAndMakesNoDeadLetters) {
  const Batch batch = Events({"a", "b", "c"});
  const auto sink = Make(batch);
  snap_.set_expired("secret-token");
  snap_.set_refusal({400, "<html>Bad Request</html>", "text/html"});
  ASSERT_TRUE(sink->Write(batch, context_).ok());
  testing::internal::CaptureStderr();
  AwaitPause(*sink);
  EXPECT_FALSE(sink->Settle(Duration(100)));
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("HTTP 400: <html>Bad Request</html>; that is no answer of Snap's: check the url"));
  EXPECT_EQ(snap_.requests(), 1) << "it is neither cut in parts nor sent again at once";
  EXPECT_THAT(metrics_.ToPrometheusText(),
              HasSubstr(R"(millrace_delivery_paused_by{step="sink-1",cause="right"} 1)"));
  snap_.set_expired("");
  ASSERT_NO_FATAL_FAILURE(DeliverAfterPauses(*sink));
  EXPECT_EQ(context_.settled, 3);
  EXPECT_TRUE(failed_.empty());
}

TEST_F(ConversionsSinkTest, ARefusalOfEverythingForOneReasonPausesBeforeItIsAFloodOfDeadLetters) {
  std::vector<std::string> ids;
  for (int i = 0; i < 700; ++i) ids.push_back("e" + std::to_string(i));
  const Batch batch = Events(ids);
  auto sink = Make(batch);
  snap_.set_expired("secret-token");
  snap_.set_refusal({400, R"({"status":"INVALID","event":0,"reason":"the pixel is switched off"})"});
  ASSERT_TRUE(sink->Write(batch, context_).ok());
  AwaitPause(*sink);
  EXPECT_THAT(metrics_.ToPrometheusText(),
              HasSubstr(R"(millrace_delivery_paused_by{step="sink-1",cause="refusals"} 1)"));
  snap_.set_expired("");
  ASSERT_NO_FATAL_FAILURE(DeliverAfterPauses(*sink));
  EXPECT_EQ(context_.settled, 200);
  ASSERT_EQ(failed_.size(), 1U);
  EXPECT_EQ(failed_[0].errors.size(), 500U);

  // Who asks for a validation wants to hear of each.
  snap_.set_expired("secret-token");
  validate_ = true;
  sink = Make(batch);
  failed_.clear();
  ASSERT_NO_FATAL_FAILURE(Deliver(batch, *sink));
  ASSERT_EQ(failed_.size(), 1U);
  EXPECT_EQ(failed_[0].errors.size(), 700U);
}

TEST_F(ConversionsSinkTest, SinksWithOneTokenShareThePaceOfTheSlower) {
  shared_ = std::make_shared<SnapAccesses>(clock_);
  const Batch batch = Events({"a"});
  const auto fast = Make(batch, "pixel-1");
  const SnapLogin same{.access_token = "secret-token", .oauth = {}};
  const auto slow = Make(batch, "pixel-2", same, 1);
  const SnapLogin another{.access_token = "other-token", .oauth = {}};
  const auto apart = Make(batch, "pixel-3", another, 1);
  std::vector<RowError> errors;
  std::vector<LateRow> late;
  SinkContext context{.errors = &errors, .late = &late};
  for (Sink* sink : {slow.get(), fast.get(), apart.get()}) ASSERT_TRUE(sink->Write(batch, context).ok());
  EXPECT_TRUE(slow->Settle(Duration(20'000)));
  EXPECT_FALSE(fast->Settle(Duration(50))) << "the slower one took what there was for this second";
  EXPECT_TRUE(apart->Settle(Duration(20'000)));
  clock_.Advance(Duration(1'000));
  EXPECT_TRUE(fast->Settle(Duration(20'000)));
}

TEST_F(ConversionsSinkTest, TooManyRequestsPauseTheirTokenAndNoOtherOfItsApp) {
  shared_ = std::make_shared<SnapAccesses>(clock_);
  const Batch batch = Events({"a"});
  const auto busy = Make(batch, "pixel-1");
  const auto same = Make(batch, "pixel-2");
  const auto another = Make(batch, "pixel-3", {.access_token = "other-token", .oauth = {}});
  snap_.set_expired("secret-token");
  snap_.set_refusal({429, "", "text/plain", {{"Retry-After", "30"}}});
  for (Sink* sink : {busy.get(), same.get(), another.get()}) ASSERT_TRUE(sink->Write(batch, context_).ok());
  for (int i = 0; i < 200 && metrics_.Sum("millrace_delivery_retries_total") < 1; ++i)
    EXPECT_FALSE(busy->Settle(Duration(50)));
  EXPECT_FALSE(same->Settle(Duration(50)));
  EXPECT_EQ(snap_.requests(), 1);
  EXPECT_TRUE(another->Settle(Duration(20'000)));
  snap_.set_expired("");
  clock_.Advance(Duration(60'000));
  EXPECT_TRUE(busy->Settle(Duration(20'000)));
  EXPECT_TRUE(same->Settle(Duration(20'000)));
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

TEST_F(ConversionsSinkTest, TenThousandAssetsGetTheirEventsInBoundedMemory) {
  constexpr std::int64_t kAssets = 10'000;
#if defined(__SANITIZE_ADDRESS__)
  constexpr std::int64_t kMostMemory = 384LL << 20;  // which keeps what was freed
#else
  constexpr std::int64_t kMostMemory = 96LL << 20;  // of client and server
#endif
  constexpr int kRounds = 2;  // events of an asset
  std::vector<std::string> ids;
  for (std::int64_t i = 0; i < kAssets * kRounds; ++i)
    ids.push_back("asset-" + std::to_string(i % kAssets) + "-" + std::to_string(i / kAssets));
  const Batch batch = Events(ids, "regexp_replace(event_id, '-[0-9]$', '')");
  const auto sink = Make(batch, "");
  const ByteCount before = GetResourceUsage().resident_peak;
  ASSERT_TRUE(sink->Write(batch, context_).ok());
  EXPECT_EQ(context_.unsettled, kAssets * kRounds);
  ASSERT_TRUE(sink->Settle(Duration(60'000)));
  ASSERT_TRUE(sink->Prepare(context_).ok());
  EXPECT_EQ(context_.settled, kAssets * kRounds);
  EXPECT_TRUE(errors_.empty() && late_.empty() && failed_.empty());
  EXPECT_LT(GetResourceUsage().resident_peak.value() - before.value(), kMostMemory);
  const auto taken = snap_.taken();
  ASSERT_EQ(taken.size(), static_cast<std::size_t>(kAssets));
  for (const auto& [path, bodies] : taken) {
    const std::string asset = path.substr(4, path.find("/events") - 4);
    ASSERT_EQ(bodies.size(), 1U) << "one request has all events of " << asset;
    for (int round = 0; round < kRounds; ++round)
      ASSERT_THAT(bodies[0], HasSubstr("\"" + asset + "-" + std::to_string(round) + "\""));
  }
}

TEST_F(ConversionsSinkTest, ATokenThatDiesOnTheWayPausesAndNothingIsLostOrADeadLetter) {
  const Batch first = Events({"a"});
  const Batch second = Events({"b", "c"});
  const auto sink = Make(first, "pixel", Refreshed(snap_.url()));
  ASSERT_TRUE(sink->Write(first, context_).ok());
  ASSERT_TRUE(sink->Settle(Duration(20'000)));
  snap_.set_expired("token-1");
  snap_.set_revoked(true);
  ASSERT_TRUE(sink->Write(second, context_).ok());
  AwaitPause(*sink);
  const int requests = snap_.requests();
  clock_.Advance(Duration(55'000));
  EXPECT_FALSE(sink->Settle(Duration(200)));
  EXPECT_EQ(snap_.requests(), requests) << "it knocks once a minute";
  snap_.set_revoked(false);
  ASSERT_NO_FATAL_FAILURE(DeliverAfterPauses(*sink));
  EXPECT_EQ(context_.settled, 3);
  EXPECT_TRUE(errors_.empty() && late_.empty() && failed_.empty());
}

TEST_F(ConversionsSinkTest, ATokenOfAFileIsReadAgainWhenItIsRefusedAndShownNowhere) {
  const std::string path = testing::TempDir() + "/token-" + RandomId();
  ASSERT_TRUE(WriteFileAtomically(path, "canary-1\n").ok());
  const Batch batch = Events({"a"});
  const auto sink =
      Make(batch, "pixel", {.access_token = "canary-1", .oauth = {}, .access_token_file = path});
  snap_.set_expired("canary-1");
  ASSERT_TRUE(sink->Write(batch, context_).ok());
  AwaitPause(*sink);  // the file has no other
  ASSERT_TRUE(WriteFileAtomically(path, "canary-2\n").ok());
  ASSERT_NO_FATAL_FAILURE(DeliverAfterPauses(*sink));
  EXPECT_EQ(context_.settled, 1);
  EXPECT_TRUE(snap_.taken().contains("/v3/pixel/events?access_token=canary-2"));

  snap_.set_expired("canary-2");
  snap_.set_refusal({400, R"({"status":"INVALID","reason":"an event of canary-2 is wrong"})"});
  ASSERT_NO_FATAL_FAILURE(Deliver(batch, *sink));
  ASSERT_EQ(failed_.size(), 1U);
  EXPECT_THAT(failed_[0].errors[0].message,
              testing::AllOf(HasSubstr("an event of"), testing::Not(HasSubstr("canary"))));
  EXPECT_TRUE(RemoveAll(path).ok());
}

TEST_F(ConversionsSinkTest, ARedirectGetsNeitherEventsNorToken) {
  Snap elsewhere;
  snap_.set_elsewhere(elsewhere.url());
  const Batch batch = Events({"a"});
  const auto sink = Make(batch);
  ASSERT_TRUE(sink->Write(batch, context_).ok());
  AwaitPause(*sink);
  EXPECT_EQ(elsewhere.requests(), 0);
  snap_.set_elsewhere("");
  ASSERT_NO_FATAL_FAILURE(DeliverAfterPauses(*sink));
  EXPECT_EQ(context_.settled, 1);
  EXPECT_TRUE(failed_.empty()) << "no dead letter of it";
}

}  // namespace
}  // namespace millrace
