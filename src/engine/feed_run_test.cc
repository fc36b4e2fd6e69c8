// Pipelines with sources outside Kafka, from their files to servers that answer as Snap does, on the embedded
// broker.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/embedded_run_harness.h"
#include "http/client.h"
#include "http/hmac.h"
#include "http/server.h"

namespace millrace {
namespace {

/// One organisation with an account of a few campaigns.
class Tree {
 public:
  Tree() {
    HttpServerOptions options;
    options.address = "127.0.0.1:0";
    std::vector<HttpRoute> routes;
    routes.push_back({"GET", "/v1/", [this](const HttpRequest& request) { return Give(request); }});
    server_ = *HttpServer::Start(options, std::move(routes));
  }
  std::string url() const { return "http://" + server_->address(); }
  void SetCampaigns(std::vector<std::string> ids) {
    const MutexLock lock(mutex_);
    campaigns_ = std::move(ids);
  }
  void SetToken(const std::string& token) {
    const MutexLock lock(mutex_);
    token_ = token;
  }
  int refused() {
    const MutexLock lock(mutex_);
    return refused_;
  }
  int walks() {
    const MutexLock lock(mutex_);
    return walks_;
  }

 private:
  static HttpResponse List(const std::string& name, const std::string& item,
                           const std::vector<std::string>& ids) {
    std::string body = R"({"request_status":"SUCCESS",")" + name + "\":[";
    for (std::size_t i = 0; i < ids.size(); ++i) {
      body += (i == 0 ? "" : ",") + std::string(R"({"sub_request_status":"SUCCESS",")") + item +
              R"(":{"id":")" + ids[i] + R"(","updated_at":"2026-01-01T00:00:00.000Z"}})";
    }
    return {200, body + "]}"};
  }
  HttpResponse Give(const HttpRequest& request) {
    const MutexLock lock(mutex_);
    if (*FindHeader(request.headers, "Authorization") != "Bearer " + token_) {
      ++refused_;
      return {401, "{}"};
    }
    if (request.path == "/v1/me/organizations") ++walks_;
    if (request.path == "/v1/me/organizations") return List("organizations", "organization", {"o"});
    if (request.path == "/v1/organizations/o/adaccounts") return List("adaccounts", "adaccount", {"a"});
    return List("campaigns", "campaign", campaigns_);
  }

  Mutex mutex_;
  std::vector<std::string> campaigns_{"c1", "c2"};  // guarded by mutex_, as all below
  std::string token_ = "canary-token";
  int walks_ = 0;
  int refused_ = 0;
  std::unique_ptr<HttpServer> server_;
};

/// An address that nobody listens on now.
std::string FreeAddress() {
  HttpServerOptions options;
  options.address = "127.0.0.1:0";
  return (*HttpServer::Start(options, {}))->address();
}

class FeedRun : public EmbeddedRunTest {
 protected:
  FeedRun() : EmbeddedRunTest({"out", "p-snap-feed", "p-snap-position", "p-snap-once-changelog"}) {}

  /// One run of the pipeline while `body` does its work.
  template <typename Body>
  void Run(const std::string& source, const Body& body) {
    PlanRunOptions options;
    const auto run = MakeRunOf(
        "name: p\nguarantee: at_least_once\nsource:\n  name: snap\n" + source + "sinks:\n  - topic: out\n",
        options);
    Status status;
    {
      const Thread thread("run", [&] { status = run->Run(); });
      body();
      options.stop.RequestStop();
    }
    EXPECT_TRUE(status.ok()) << status.message();
  }
};

TEST_F(FeedRun, EntitiesComeOnceAndAgainWhenTheyChange) {
  Tree tree;
  const std::string source =
      "  snapchat.entities:\n    access_token: canary-token\n    every: 1s\n    url: " + tree.url() +
      "\n    entities: [ad_accounts, campaigns]\n";
  Run(source, [&] {
    EXPECT_TRUE(Await([&] { return Records("out") == 3; })) << Records("out");
    const int walks = tree.walks();
    EXPECT_TRUE(Await([&] { return tree.walks() > walks + 1; }));
    EXPECT_EQ(Records("out"), 3);
    tree.SetCampaigns({"c1", "c3"});
    EXPECT_TRUE(Await([&] { return Records("out") == 5; })) << "a new one, and a tombstone";
  });
  // A token that is refused pauses the source: the pipeline goes on.
  tree.SetToken("another");
  tree.SetCampaigns({"c1", "c3", "c4"});
  Run(source, [&] {
    EXPECT_TRUE(Await([&] { return tree.refused() > 0; }));
    EXPECT_EQ(Records("out"), 5);
  });
  tree.SetToken("canary-token");
  Run(source, [&] { EXPECT_TRUE(Await([&] { return Records("out") == 6; })); });
  EXPECT_EQ(Records("p-snap-feed"), 6) << "what was brought before comes again";
}

TEST_F(FeedRun, ATokenThatIsReplacedInItsFileNeedsNoRestart) {
  Tree tree;
  const std::string path = testing::TempDir() + "/token-" + RandomId();
  ASSERT_TRUE(WriteFileAtomically(path, "old-token\n").ok());
  PlanRunOptions options;
  const auto run = MakeRunOf(
      "name: p\nguarantee: at_least_once\nsource:\n  name: snap\n  snapchat.entities:\n"
      "    access_token: ${file:" +
          path + "}\n    url: " + tree.url() + "\n    entities: [campaigns]\nsinks:\n  - topic: out\n",
      options);
  ASSERT_TRUE(WriteFileAtomically(path, "canary-token\n").ok());
  Status status;
  {
    const Thread thread("run", [&] { status = run->Run(); });
    EXPECT_TRUE(Await([&] { return Records("out") == 2; })) << Records("out");
    options.stop.RequestStop();
  }
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_GT(tree.refused(), 0);
  EXPECT_TRUE(RemoveAll(path).ok());
}

TEST_F(FeedRun, ALeadIsARowWhenItIsAnswered) {
  const auto client = *HttpClient::Start({});
  const std::string address = FreeAddress();
  const std::string source =
      "  snapchat.leads: {listen: \"" + address + "\", secret: canary-secret, header: X-Signature}\n";
  Run(source, [&] {
    const std::string lead = R"({"lead_id":"l1","email":"a@b.c"})";
    const auto post = [&](const std::string& signature) {
      ClientRequest request{.method = "POST", .url = "http://" + address + "/leads", .body = lead};
      request.headers = {{"X-Signature", signature}};
      const auto response = client->Call(std::move(request));
      return response.ok() ? response->status : 0;
    };
    EXPECT_TRUE(Await([&] { return post("no") == 401; }));
    EXPECT_EQ(post(HmacSignature({}, "canary-secret", lead)), 200);
    EXPECT_EQ(Records("p-snap-feed"), 1);
    EXPECT_EQ(post(HmacSignature({}, "canary-secret", lead)), 200);
    EXPECT_TRUE(Await([&] { return Records("out") == 1; }));
  });
  EXPECT_EQ(Records("p-snap-feed"), 2);
  EXPECT_EQ(Records("out"), 1) << "it was sent twice";
}

}  // namespace
}  // namespace millrace
