// The pace that sinks and sources of a pipeline keep together, from their file to a server that notes when it
// was asked.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/embedded_run_harness.h"
#include "http/server.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;

/// Takes all events and members, and has one organisation.
class SnapTimes {
 public:
  SnapTimes() {
    HttpServerOptions options;
    options.address = "127.0.0.1:0";
    std::vector<HttpRoute> routes;
    for (const char* method : {"GET", "POST"})
      routes.push_back({method, "/", [this](const HttpRequest& request) { return Handle(request); }});
    server_ = *HttpServer::Start(options, std::move(routes));
  }
  std::string url() const { return "http://" + server_->address(); }
  /// Of all that was asked for by this method.
  std::vector<std::chrono::nanoseconds> Of(const std::string& method) {
    const MutexLock lock(mutex_);
    return method == "GET" ? asked_ : sent_;
  }

 private:
  HttpResponse Handle(const HttpRequest& request) {
    const MutexLock lock(mutex_);
    (request.method == "GET" ? asked_ : sent_).push_back(SystemClock().Steady());
    if (request.path == "/v1/me/organizations") {
      return {
          200,
          R"({"request_status":"SUCCESS","organizations":[{"sub_request_status":"SUCCESS","organization":)"
          R"({"id":"o-1","updated_at":"2026-01-01T00:00:00.000Z"}}]})"};
    }
    return {200, R"({"status":"VALID","request_status":"SUCCESS"})"};
  }

  Mutex mutex_;
  std::vector<std::chrono::nanoseconds> asked_;  // guarded by mutex_, as all below
  std::vector<std::chrono::nanoseconds> sent_;
  std::unique_ptr<HttpServer> server_;
};

class SnapchatPace : public EmbeddedRunTest {
 protected:
  SnapchatPace() : EmbeddedRunTest({"in", "p-snap-feed", "p-snap-position"}) {}

  /// How a sink or a source is let in.
  static std::string Access(const std::string& token, const std::string& rate, const SnapTimes& snap) {
    return "access_token: " + token + ", rate: {" + rate + "}, url: \"" + snap.url() + "\"";
  }
  static std::string Conversions(const std::string& access) {
    return "  - snapchat.conversions: {pixel_id: p, map: {event_name: \"'LOGIN'\", em: email, action_source: "
           "\"'OFFLINE'\"}, batch: {linger: 50ms}, " +
           access + "}\n";
  }
  void WriteOne() {
    const auto producer = *cluster_->MakeProducer("");
    ASSERT_TRUE(producer->Init().ok());
    const std::string value = R"({"email":"a@b.c"})";
    OutgoingRecord record{.topic = "in", .partition = Partition(0), .value = BytesView::Of(value)};
    record.timestamp_ms = clock_.Now().value();
    ASSERT_TRUE(producer->Send(record).ok());
    ASSERT_TRUE(producer->Flush().ok());
  }
  /// Runs the pipeline until `requests` came that bring something.
  void RunUntilSent(const std::string& source_and_sinks, std::size_t requests) {
    PlanRunOptions options;
    const auto run = MakeRunOf("name: p\nguarantee: at_least_once\n" + source_and_sinks, options);
    Status status;
    {
      const Thread thread("run", [&] { status = run->Run(); });
      EXPECT_TRUE(Await([&] { return snap_.Of("POST").size() >= requests; })) << snap_.Of("POST").size();
      options.stop.RequestStop();
    }
    EXPECT_TRUE(status.ok()) << status.message();
  }

  /// How long after the only request of a source a sink sends what that brought.
  std::chrono::nanoseconds SinkAfterSource(const std::string& source, const std::string& sink,
                                           SnapTimes* of_source = nullptr) {
    RunUntilSent("source: {name: snap, snapchat.entities: {entities: [organizations], " + source +
                     "}}\nsinks:\n  - snapchat.audience: {segment: s, schema: EMAIL_SHA256, identifier: id, "
                     "action: add, batch: {linger: 50ms}, " +
                     sink + "}\n",
                 1);
    const auto asked = (of_source == nullptr ? snap_ : *of_source).Of("GET");
    const auto sent = snap_.Of("POST");
    return asked.empty() || sent.empty() ? std::chrono::nanoseconds(0) : sent.front() - asked.front();
  }

  SnapTimes snap_;
};

TEST_F(SnapchatPace, SinksWithTokensOfOneAppKeepOnePaceTogether) {
  WriteOne();
  std::string sinks = "source: {topic: in, schema: {email: string}}\nsinks:\n";
  for (const char* token : {"token-1", "token-2", "token-3"})
    sinks += Conversions(Access(token, "per_second: 1000, app_per_second: 2", snap_));
  ASSERT_NO_FATAL_FAILURE(RunUntilSent(sinks, 3));
  auto times = snap_.Of("POST");
  std::sort(times.begin(), times.end());
  // Two requests a second: two at once, and the third when a half has passed.
  EXPECT_GE(times[2] - times[0], milliseconds(400));
}

TEST_F(SnapchatPace, ASinkAndASourceWithOneTokenKeepOnePaceTogether) {
  EXPECT_GE(SinkAfterSource(Access("token-1", "per_second: 1", snap_),
                            Access("token-1", "per_second: 1000", snap_)),
            milliseconds(900));
}

TEST_F(SnapchatPace, ASinkAndASourceWithTokensOfOneAppKeepOnePaceTogether) {
  SnapTimes elsewhere;  // of another address there is nothing in common but the name
  EXPECT_GE(SinkAfterSource(Access("token-1", "per_second: 1000, app: shop, app_per_second: 1", elsewhere),
                            Access("token-2", "per_second: 1000, app: shop", snap_), &elsewhere),
            milliseconds(900));
}

}  // namespace
}  // namespace millrace
