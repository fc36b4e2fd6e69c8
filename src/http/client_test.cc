#include "http/client.h"

#include <link.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "env/file.h"
#include "http/retry_class.h"
#include "http/server.h"
#include "http/test_certificate.h"

namespace millrace {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr Duration kPatience{20'000};

/// Outcomes of requests that were sent, as they come.
class Outcomes {
 public:
  HttpClient::Done Take() {
    return [this](Result<ClientResponse> result) {
      const MutexLock lock(mutex_);
      results_.push_back(std::move(result));
      changed_.notify_all();
    };
  }
  /// The first `count` of them.
  std::vector<Result<ClientResponse>> Wait(std::size_t count) {
    MutexLock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return results_.size() >= count; }));
    return results_;
  }

 private:
  Mutex mutex_;
  ConditionVariable changed_;
  std::vector<Result<ClientResponse>> results_;
};

/// Answers /held/... when so many requests wait, and not before; everything else at once with what it got.
class Server {
 public:
  explicit Server(HttpServerOptions options = {}, std::size_t held_until = 1) : held_until_(held_until) {
    options.address = "127.0.0.1:0";
    https_ = !options.certificate_file.empty();
    std::vector<HttpRoute> routes;
    for (const char* method : {"GET", "POST", "PUT", "DELETE"}) {
      routes.push_back({method, "/echo", [](const HttpRequest& request) { return Echo(request); }});
    }
    routes.push_back({"GET", "/big", [](const HttpRequest&) {
                        return HttpResponse{200, std::string(100'000, 'x')};
                      }});
    routes.push_back({"GET", "/away", [](const HttpRequest&) {
                        HttpResponse response{307, ""};
                        response.headers = {{"Location", "/echo?followed"}};
                        return response;
                      }});
    routes.push_back({"GET", "/busy", [](const HttpRequest&) {
                        HttpResponse response{429, "slow down"};
                        response.headers = {{"Retry-After", "7"}};
                        return response;
                      }});
    routes.push_back(
        {"GET", "/held/", nullptr, [this](const HttpRequest&, HttpReply reply) { Hold(std::move(reply)); }});
    server_ = *HttpServer::Start(std::move(options), std::move(routes));
  }

  std::string Url(const std::string& path) const {
    return (https_ ? "https://" : "http://") + server_->address() + path;
  }
  const HttpServer& http() const { return *server_; }
  void WaitForHeld(std::size_t count) {
    MutexLock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return held_.size() >= count; }));
  }

 private:
  static HttpResponse Echo(const HttpRequest& request) {
    const std::string* const header = FindHeader(request.headers, "x-test");
    const std::string* const type = FindHeader(request.headers, "CONTENT-TYPE");
    HttpResponse response{200, request.method + " " + request.query + " " + request.body};
    response.headers = {{"X-Seen", header == nullptr ? "nothing" : *header},
                        {"X-Type", type == nullptr ? "none" : *type}};
    return response;
  }
  void Hold(HttpReply reply) {
    const MutexLock lock(mutex_);
    held_.push_back(std::move(reply));
    changed_.notify_all();
    if (held_.size() < held_until_) return;
    for (const HttpReply& waiting : held_) waiting([] { return HttpResponse{200, "released"}; });
  }

  const std::size_t held_until_;
  bool https_ = false;
  Mutex mutex_;
  ConditionVariable changed_;
  std::vector<HttpReply> held_;  // guarded by mutex_
  std::unique_ptr<HttpServer> server_;
};

std::unique_ptr<HttpClient> StartClient(HttpClientOptions options = {}) {
  Result<std::unique_ptr<HttpClient>> client = HttpClient::Start(std::move(options));
  EXPECT_TRUE(client.ok()) << client.status().message();
  return *std::move(client);
}

TEST(HttpClient, SendsMethodHeadersAndBodyAndReadsTheAnswer) {
  const Server server;
  const auto client = StartClient();
  const struct {
    const char* method;
    const char* body;
    const char* expected;
  } cases[] = {{"GET", "", "GET a=1 "},
               {"POST", "b\nc", "POST a=1 b\nc"},
               {"PUT", "x", "PUT a=1 x"},
               {"POST", "", "POST a=1 "},
               {"DELETE", "{}", "DELETE a=1 {}"}};
  for (const auto& c : cases) {
    const auto response = client->Call(
        {c.method, server.Url("/echo?a=1"), {{"X-Test", "seen"}, {"Content-Type", "text/x"}}, c.body});
    ASSERT_TRUE(response.ok()) << response.status().message();
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, c.expected);
    EXPECT_EQ(*FindHeader(response->headers, "x-seen"), "seen");
    EXPECT_EQ(*FindHeader(response->headers, "X-Type"), "text/x");
  }
  EXPECT_EQ(*FindHeader(client->Call({"POST", server.Url("/echo"), {}, "b"})->headers, "X-Type"), "none");
  const auto head = client->Call({"HEAD", server.Url("/big")});
  ASSERT_TRUE(head.ok()) << head.status().message();
  EXPECT_EQ(head->body, "");
  EXPECT_EQ(*FindHeader(head->headers, "Content-Length"), "100000");
}

TEST(HttpClient, AnswersOfAnyStatusAreResults) {
  const Server server;
  const auto client = StartClient();
  const auto busy = client->Call({"GET", server.Url("/busy")});
  ASSERT_TRUE(busy.ok()) << busy.status().message();
  EXPECT_EQ(RetryClassOf(busy->status), RetryClass::kRetry);
  EXPECT_EQ(*FindHeader(busy->headers, "Retry-After"), "7");
  EXPECT_EQ(client->Call({"GET", server.Url("/nothing")})->status, 404);
}

TEST(HttpClient, DoesNotFollowARedirect) {
  const Server server;
  const auto client = StartClient();
  const auto response = client->Call({"GET", server.Url("/away?access_token=canary")});
  ASSERT_TRUE(response.ok()) << response.status().message();
  EXPECT_EQ(response->status, 307);
  EXPECT_THAT(response->body, Not(HasSubstr("followed")));
}

TEST(HttpClient, KeepsItsConnection) {
  HttpServerOptions one;
  one.max_connections = 1;  // a second connection is closed at once
  const Server server(one);
  const auto client = StartClient();
  for (int i = 0; i < 20; ++i) {
    const auto response = client->Call({"POST", server.Url("/echo"), {}, std::to_string(i)});
    ASSERT_TRUE(response.ok()) << i << ": " << response.status().message();
  }
}

TEST(HttpClient, HasSeveralRequestsUnderWayAtOnce) {
  Server server({}, 8);  // answers when all eight are there
  HttpClientOptions options;
  options.max_in_flight = 8;
  const auto client = StartClient(options);
  Outcomes outcomes;
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(client->Send({"GET", server.Url("/held/x")}, outcomes.Take()).ok());
  for (const auto& result : outcomes.Wait(8)) {
    ASSERT_TRUE(result.ok()) << result.status().message();
    EXPECT_EQ(result->body, "released");
  }
}

TEST(HttpClient, BoundsWhatIsUnderWayAndWhatWaits) {
  Server server({}, 1'000);
  HttpClientOptions options;
  options.max_in_flight = 2;
  options.max_queued = 3;
  auto client = StartClient(options);
  Outcomes outcomes;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(client->Send({"GET", server.Url("/held/x")}, outcomes.Take()).ok());
    server.WaitForHeld(static_cast<std::size_t>(i) + 1);
  }
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(client->Send({"GET", server.Url("/held/x")}, outcomes.Take()).ok());
  const Status refused = client->Send({"GET", server.Url("/held/x")}, outcomes.Take());
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(RetryClassOf(refused), RetryClass::kRetry);
  client.reset();
  EXPECT_EQ(outcomes.Wait(5).size(), 5U);
}

TEST(HttpClient, ItsEndCancelsWhatIsUnderWay) {
  Server server({}, 1'000);
  auto client = StartClient();
  Outcomes outcomes;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client->Send({"GET", server.Url("/held/x?access_token=canary")}, outcomes.Take()).ok());
  }
  server.WaitForHeld(3);
  client.reset();
  for (const auto& result : outcomes.Wait(3)) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.status().code(), StatusCode::kCancelled);
    EXPECT_THAT(result.status().message(), Not(HasSubstr("canary")));
  }
}

TEST(HttpClient, ACallbackMaySendTheNextRequest) {
  const Server server;
  const auto client = StartClient();
  Outcomes outcomes;
  const std::string url = server.Url("/echo");
  ASSERT_TRUE(client
                  ->Send({"POST", url, {}, "first"},
                         [&](Result<ClientResponse> first) {
                           ASSERT_TRUE(first.ok());
                           EXPECT_TRUE(client->Send({"POST", url, {}, "second"}, outcomes.Take()).ok());
                         })
                  .ok());
  const auto results = outcomes.Wait(1);
  ASSERT_TRUE(results.at(0).ok());
  EXPECT_EQ(results[0]->body, "POST  second");
}

TEST(HttpClient, RefusesWhatIsNoRequest) {
  const auto client = StartClient();
  for (const std::string url :
       {"", "host/path", "file:///etc/passwd", "ftp://h/x", "http://h/\r\nX: y", "http://"}) {
    const auto response = client->Call({"GET", url + "?access_token=canary"});
    ASSERT_FALSE(response.ok()) << url;
    EXPECT_EQ(response.status().code(), StatusCode::kInvalidArgument) << url;
    EXPECT_THAT(response.status().message(), Not(HasSubstr("canary")));
  }
  EXPECT_FALSE(client->Call({"GET", "http://127.0.0.1:1/", {{"X", "a\r\nY: b"}}}).ok());
}

// HTTPS, in a process that also has the copy of OpenSSL inside Arrow's libraries.

bool HasLibrary(const std::string& name) {
  struct Search {
    const std::string& name;
    bool found;
  } search{name, false};
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& wanted = *static_cast<Search*>(data);
        wanted.found =
            wanted.found || std::string_view(info->dlpi_name).find(wanted.name) != std::string_view::npos;
        return 0;
      },
      &search);
  return search.found;
}

HttpServerOptions TlsOptions(const TestCertificate& certificate) {
  HttpServerOptions options;
  options.certificate_file = certificate.certificate_file;
  options.key_file = certificate.key_file;
  return options;
}

TEST(HttpsClient, TalksToAServerWhoseCertificateIsVouchedFor) {
  ASSERT_TRUE(HasLibrary("libparquet"));
  const TestCertificate certificate = MakeTestCertificate();
  Server server(TlsOptions(certificate), 4);
  HttpClientOptions options;
  options.ca_file = certificate.certificate_file;
  const auto client = StartClient(options);
  for (int i = 0; i < 3; ++i) {
    const auto response = client->Call({"POST", server.Url("/echo"), {}, "secret " + std::to_string(i)});
    ASSERT_TRUE(response.ok()) << response.status().message();
    EXPECT_EQ(response->body, "POST  secret " + std::to_string(i));
  }
  Outcomes outcomes;
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(client->Send({"GET", server.Url("/held/x")}, outcomes.Take()).ok());
  for (const auto& result : outcomes.Wait(4)) EXPECT_TRUE(result.ok()) << result.status().message();
}

TEST(HttpsClient, RefusesACertificateThatProvesNothing) {
  const TestCertificate ours = MakeTestCertificate();
  const TestCertificate expired = MakeTestCertificate({"IP:127.0.0.1", -60});
  const TestCertificate other_host = MakeTestCertificate({"DNS:example.com", 3'600});
  const struct {
    const char* what;
    TestCertificate server;
    std::string ca_file;
  } cases[] = {{"an authority nobody knows", ours, ""},
               {"another authority", ours, other_host.certificate_file},
               {"another host", other_host, other_host.certificate_file},
               {"ended", expired, expired.certificate_file}};
  for (const auto& c : cases) {
    const Server server(TlsOptions(c.server));
    HttpClientOptions options;
    options.ca_file = c.ca_file;
    const auto response = StartClient(options)->Call({"GET", server.Url("/echo?access_token=canary")});
    ASSERT_FALSE(response.ok()) << c.what;
    EXPECT_EQ(RetryClassOf(response.status()), RetryClass::kRetry) << c.what;
    EXPECT_THAT(response.status().message(), HasSubstr("certificate is not accepted")) << c.what;
    EXPECT_THAT(response.status().message(), Not(HasSubstr("canary")));
  }
}

TEST(HttpsClient, SaysWhichFileOfAuthoritiesIsNone) {
  HttpClientOptions options;
  options.ca_file = "/nowhere/ca.pem";
  EXPECT_THAT(HttpClient::Start(options).status().message(), HasSubstr("/nowhere/ca.pem"));
  const TestCertificate certificate = MakeTestCertificate();
  const Server server(TlsOptions(certificate));
  options.ca_file = certificate.key_file;  // PEM, but no certificate
  const auto response = StartClient(options)->Call({"GET", server.Url("/echo")});
  ASSERT_FALSE(response.ok());
  EXPECT_THAT(response.status().message(), HasSubstr(certificate.key_file));
}

TEST(HttpsServer, RefusesFilesThatAreNoCertificateAndKey) {
  const TestCertificate one = MakeTestCertificate();
  const TestCertificate two = MakeTestCertificate();
  const struct {
    std::string certificate;
    std::string key;
    std::string named;
  } cases[] = {{"/nowhere.pem", one.key_file, "/nowhere.pem"},
               {one.certificate_file, "", "key ''"},
               {one.certificate_file, "/nowhere.pem", "/nowhere.pem"},
               {one.certificate_file, two.key_file, two.key_file},  // of another certificate
               {"", one.key_file, "certificate ''"}};
  for (const auto& c : cases) {
    HttpServerOptions options;
    options.address = "127.0.0.1:0";
    options.certificate_file = c.certificate;
    options.key_file = c.key;
    const auto server = HttpServer::Start(options, {});
    ASSERT_FALSE(server.ok()) << c.named;
    EXPECT_THAT(server.status().message(), HasSubstr("cannot serve HTTPS"));
    EXPECT_THAT(server.status().message(), HasSubstr(c.named));
  }
}

TEST(HttpsServer, APlainRequestGetsNoAnswer) {
  const TestCertificate certificate = MakeTestCertificate();
  const Server server(TlsOptions(certificate));
  const auto response = StartClient()->Call({"GET", "http://" + server.http().address() + "/echo"});
  EXPECT_FALSE(response.ok());
}

}  // namespace
}  // namespace millrace
