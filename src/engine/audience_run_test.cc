// A pipeline with an audience sink, from its file to a server that keeps segments as Snap does.
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/embedded_run_harness.h"
#include "expr/expr.h"
#include "http/server.h"

namespace millrace {
namespace {

using testing::HasSubstr;

/// Keeps the members of one segment, "vip", which it makes when it is asked to; grants tokens.
class SegmentStandIn {
 public:
  SegmentStandIn() {
    HttpServerOptions options;
    options.address = "127.0.0.1:0";
    std::vector<HttpRoute> routes;
    for (const char* method : {"GET", "POST", "DELETE"}) {
      routes.push_back({method, "/", [this](const HttpRequest& request) { return Handle(request); }});
    }
    server_ = *HttpServer::Start(options, std::move(routes));
  }
  std::string url() const { return "http://" + server_->address(); }
  std::set<std::string> members() {
    const MutexLock lock(mutex_);
    return members_;
  }
  int created() {
    const MutexLock lock(mutex_);
    return created_;
  }
  void set_token(const std::string& token) {
    const MutexLock lock(mutex_);
    token_ = token;
  }

 private:
  HttpResponse Handle(const HttpRequest& request) {
    const MutexLock lock(mutex_);
    if (request.path == "/token") return {200, R"({"access_token":")" + token_ + R"(","expires_in":3600})"};
    const std::string* token = FindHeader(request.headers, "Authorization");
    if (token == nullptr || *token != "Bearer " + token_) return {401, R"({"request_status":"ERROR"})"};
    const std::string segment = R"({"sub_request_status":"SUCCESS","segment":{"id":"s-1","name":"vip"}})";
    if (request.path == "/v1/adaccounts/a-1/segments") {
      if (request.method == "POST") ++created_;
      return {200, R"({"request_status":"SUCCESS","segments":[)" + (created_ > 0 ? segment : "") + "]}"};
    }
    if (request.path != "/v1/segments/s-1/users") return {404, ""};
    const std::string begin = "[\"";
    for (std::size_t at = request.body.find(begin, request.body.find("data")); at != std::string::npos;
         at = request.body.find(begin, at)) {
      at += begin.size();
      const std::string identifier = request.body.substr(at, request.body.find('"', at) - at);
      if (request.method == "POST") {
        members_.insert(identifier);
      } else {
        members_.erase(identifier);
      }
    }
    return {200, R"({"request_status":"SUCCESS"})"};
  }

  Mutex mutex_;
  std::string token_ = "first-token";  // guarded by mutex_, as all below
  int created_ = 0;
  std::set<std::string> members_;
  std::unique_ptr<HttpServer> server_;
};

class AudienceRun : public EmbeddedRunTest {
 protected:
  AudienceRun() : EmbeddedRunTest({"in", "dead"}) {}

  std::unique_ptr<PlanRun> MakeRun(const PlanRunOptions& options, const std::string& sink) {
    return MakeRunOf(R"(name: p
guarantee: at_least_once
dead_letter: {topic: dead}
source: {topic: in, key: email, schema: {email: string, kind: string}}
sinks:
  - snapchat.audience:
      schema: EMAIL_SHA256
      batch: {identifiers: 2, linger: 50ms}
      rate: {per_second: 1000}
)" + sink +
                         "      url: " + stand_in_.url() + "\n",
                     options);
  }

  /// "+a": somebody is added; "-a": removed; "!a": a tombstone; "?a": neither.
  void Write(const std::vector<std::string>& changes) {
    auto producer = *cluster_->MakeProducer("");
    ASSERT_TRUE(producer->Init().ok());
    for (const std::string& change : changes) {
      const std::string key = change.substr(1) + "@b.c";
      const std::string kind = change[0] == '+' ? "add" : change[0] == '-' ? "remove" : "stay";
      const std::string value = R"({"email":")" + key + R"(","kind":")" + kind + "\"}";
      OutgoingRecord record{.topic = "in", .partition = Partition(0), .key = BytesView::Of(key)};
      if (change[0] != '!') record.value = BytesView::Of(value);
      record.timestamp_ms = clock_.Now().value();
      ASSERT_TRUE(producer->Send(record).ok());
    }
    ASSERT_TRUE(producer->Flush().ok());
  }
  static std::set<std::string> Hashes(const std::string& names) {
    std::set<std::string> hashes;
    const auto schema = arrow::schema({arrow::field("n", arrow::utf8())});
    const auto bound = BoundExpr::Bind(*ParseExpr("sha256(n || '@b.c')"), schema);
    for (const char name : names) {
      arrow::StringBuilder builder;
      EXPECT_TRUE(builder.Append(std::string(1, name)).ok());
      const auto made =
          bound->Evaluate(*arrow::RecordBatch::Make(schema, 1, {builder.Finish().ValueOrDie()}));
      hashes.insert(static_cast<const arrow::StringArray&>(*made->values).GetString(0));
    }
    return hashes;
  }

  SegmentStandIn stand_in_;
};

TEST_F(AudienceRun, TheLastActionOfEachIdentifierCountsAndTombstonesRemove) {
  Write({"+a", "+b", "-a", "+c", "?d", "+e", "!e", "+f", "-f", "+f"});
  const std::string sink = "      segment: s-1\n      action: kind\n      access_token: first-token\n";
  PlanRunOptions options;
  auto run = MakeRun(options, sink);
  Status status;
  {
    const Thread thread("run", [&] { status = run->Run(); });
    EXPECT_TRUE(Await([&] { return stand_in_.members() == Hashes("bcf") && Records("dead") == 1; }))
        << stand_in_.members().size() << " members, " << Records("dead") << " dead letters";
    Write({"!b", "+g"});
    EXPECT_TRUE(Await([&] { return stand_in_.members() == Hashes("cfg"); }));
    options.stop.RequestStop();
  }
  EXPECT_TRUE(status.ok()) << status.message();

  // What was delivered is committed: the next run begins behind it.
  PlanRunOptions again;
  run = MakeRun(again, sink);
  Write({"-g"});
  {
    const Thread thread("run", [&] { status = run->Run(); });
    EXPECT_TRUE(Await([&] { return stand_in_.members() == Hashes("cf"); }));
    again.stop.RequestStop();
  }
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST_F(AudienceRun, TombstonesWithoutAnIdentifierAreNoDeadLetters) {
  Write({"+a", "!b", "!c", "-d"});
  PlanRunOptions options;
  // Of a tombstone only the key is known, and that is not what this is made of.
  auto run = MakeRun(options,
                     "      segment: s-1\n      action: add\n      access_token: first-token\n"
                     "      identifier: kind\n");
  Status status;
  {
    const Thread thread("run", [&] { status = run->Run(); });
    EXPECT_TRUE(Await([&] { return stand_in_.members().size() == 2; })) << "add and remove, hashed";
    options.stop.RequestStop();
  }
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(Records("dead"), 0);
}

TEST_F(AudienceRun, ASegmentIsCreatedWithTokensThatAreReplaced) {
  Write({"+a"});
  PlanRunOptions options;
  auto run = MakeRun(options,
                     "      ad_account_id: a-1\n      segment: {name: vip, create: true}\n"
                     "      action: add\n      oauth: {client_id: me, client_secret: canary-secret, "
                     "refresh_token: canary-refresh, token_url: \"" +
                         stand_in_.url() + "/token\"}\n");
  Status status;
  {
    const Thread thread("run", [&] { status = run->Run(); });
    EXPECT_TRUE(Await([&] { return stand_in_.members() == Hashes("a"); }));
    EXPECT_EQ(stand_in_.created(), 1);
    options.stop.RequestStop();
  }
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST_F(AudienceRun, ASegmentThatDoesNotExistEndsTheRunWithASentence) {
  Write({"+a"});
  PlanRunOptions options;
  auto run = MakeRun(options,
                     "      ad_account_id: a-1\n      segment: {name: vip}\n      action: add\n"
                     "      access_token: first-token\n");
  const Status status = run->Run();
  EXPECT_EQ(status.error_class(), ErrorClass::kUser);
  EXPECT_THAT(status.message(), HasSubstr("the ad account a-1 has no segment 'vip'"));
}

}  // namespace
}  // namespace millrace
