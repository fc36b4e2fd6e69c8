#include "snap_server/snap_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "env/file.h"
#include "snap_server/snap_server_harness.h"

namespace millrace::snap {
namespace {

using testing::HasSubstr;
using testing::Not;

class Server : public SnapServerTest {};

TEST_F(Server, ServesWithTlsAndRemovesItsCertificate) {
  SnapServerOptions options = WithoutBound();
  options.tls = true;
  Start(options);
  const std::string certificate = server_->facts().certificate_file;
  EXPECT_TRUE(server_->facts().url.starts_with("https://"));
  EXPECT_EQ(PostEvents("pixel", EventWith()).status, 200);
  const std::string next =
      TextMember(Get(AccountPath("Los Angeles") + "/ads?limit=50")["paging"].as_object(), "next_link");
  EXPECT_EQ(Get(next).status, 200) << next;
  EXPECT_TRUE(PathExists(certificate));
  server_.reset();
  EXPECT_FALSE(PathExists(certificate));
}

TEST_F(Server, KeepsACertificateInAFolderThatItWasGiven) {
  SnapServerOptions options = WithoutBound();
  options.tls = true;
  options.certificate_folder = testing::TempDir() + "/snap-certificate";
  Start(options);
  EXPECT_EQ(server_->facts().certificate_file, options.certificate_folder + "/certificate.pem");
  server_.reset();
  EXPECT_TRUE(PathExists(options.certificate_folder + "/certificate.pem"));
  EXPECT_TRUE(RemoveAll(options.certificate_folder).ok());
}

TEST_F(Server, ItsPageShowsTheLastEventsAndRefusals) {
  Start();
  EXPECT_EQ(PostEvents("<b>pixel</b>", EventWith()).status, 404);  // a slash in the name
  EXPECT_EQ(PostEvents("<pixel>", EventWith()).status, 200);
  EXPECT_EQ(PostEvents("pixel", EventWith(R"({"event_name": "X"})")).status, 400);
  const Answered page = Get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(*FindHeader(page.headers, "Content-Type"), HasSubstr("text/html"));
  EXPECT_THAT(page.text, HasSubstr("&lt;pixel&gt;"));
  EXPECT_THAT(page.text, Not(HasSubstr("<pixel>")));
  EXPECT_THAT(page.text, HasSubstr("event_name X"));
  EXPECT_THAT(page.text, Not(HasSubstr("snap-token")));
  EXPECT_EQ(Call("GET", "/", "", {}).status, 200);  // needs no token
}

TEST_F(Server, CountsRequestsByWhatTheyWere) {
  Start();
  EXPECT_EQ(PostEvents("a", EventWith()).status, 200);
  EXPECT_EQ(PostEvents("b", "7").status, 400);
  EXPECT_EQ(Get("/v1/me/organizations").status, 200);
  EXPECT_EQ(Get("/v1/nothing").status, 404);
  const Answered received = Received();
  EXPECT_EQ(received["requests"], json::parse(R"({"GET /v1/me/organizations": {"200": 1}, "other": {"404": 1},
                                                  "POST /v3/{asset}/events": {"200": 1, "400": 1}})"));
  EXPECT_EQ(received["errors"].as_array().size(), 2U);
  EXPECT_EQ(received["errors"].as_array()[0].at("at"), "2025-03-20T12:00:00.000Z");
}

TEST_F(Server, ForgetsEverythingWhenItIsToldTo) {
  Start();
  EXPECT_EQ(PostEvents("a", EventWith() + "," + EventWith()).status, 200);
  EXPECT_EQ(
      Post(AccountPath("Berlin") + "/segments", R"({"segments":[{"name":"s","source_type":"FIRST_PARTY"}]})")
          .status,
      200);
  EXPECT_EQ(Post("/_reset", "").status, 200);
  const Answered received = Received();
  EXPECT_TRUE(received["events"].as_array().empty());
  EXPECT_TRUE(received["segments"].as_object().empty());
  EXPECT_TRUE(received["requests"].as_object().empty());
  EXPECT_EQ(received["totals"].at("accepted"), 0);
  EXPECT_EQ(PostEvents("a", EventWith()).status, 200);
  EXPECT_EQ(Received()["totals"].at("repeated"), 0);
}

TEST_F(Server, OptionsThatCannotBeAreRefused) {
  const struct {
    void (*change)(SnapServerOptions&);
    const char* why;
  } cases[] = {
      {[](SnapServerOptions& o) {
         o.faults = {{"429", 2.0}};
       },
       "from 0 to 1"},
      {[](SnapServerOptions& o) { o.slow = Duration(60'000); }, "50s"},
      {[](SnapServerOptions& o) { o.lead_signature = "X:md5"; }, "md5"},
      {[](SnapServerOptions& o) { o.address = "nowhere"; }, "nowhere"},
      {[](SnapServerOptions& o) { o.webhook_ca_file = "/nowhere.pem"; }, "/nowhere.pem"},
  };
  for (const auto& c : cases) {
    SnapServerOptions options;
    c.change(options);
    const auto server = SnapServer::Start(options, clock_);
    ASSERT_FALSE(server.ok()) << c.why;
    EXPECT_THAT(server.status().message(), HasSubstr(c.why));
  }
}

}  // namespace
}  // namespace millrace::snap
