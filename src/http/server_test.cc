#include "http/server.h"

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"

namespace millrace {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;
using testing::StartsWith;

std::unique_ptr<HttpServer> StartServer(HttpServerOptions options = {}) {
  options.address = "127.0.0.1:0";
  std::vector<HttpRoute> routes;
  routes.push_back({"GET", "/hello", [](const HttpRequest& r) {
                      return HttpResponse{200, "hello " + r.query};
                    }});
  routes.push_back({"POST", "/echo", [](const HttpRequest& r) {
                      return HttpResponse{201, r.body, "text/x"};
                    }});
  Result<std::unique_ptr<HttpServer>> server = HttpServer::Start(options, std::move(routes));
  EXPECT_TRUE(server.ok()) << server.status().message();
  return std::move(*server);
}

/// A raw client: what it sends is what the test says.
class Client {
 public:
  explicit Client(const HttpServer& server) : socket_(context_) {
    socket_.connect({asio::ip::make_address("127.0.0.1"), server.port()});
  }
  void Send(const std::string& bytes) { asio::write(socket_, asio::buffer(bytes)); }
  /// Everything until the server closes.
  std::string ReadAll() {
    std::string out;
    boost::system::error_code error;
    asio::read(socket_, asio::dynamic_buffer(out), error);
    return out;
  }

 private:
  asio::io_context context_;
  asio::ip::tcp::socket socket_;
};

std::string Exchange(const HttpServer& server, const std::string& request) {
  Client client(server);
  client.Send(request);
  return client.ReadAll();
}

TEST(HttpServer, AnswersByMethodAndPath) {
  const auto server = StartServer();
  const struct {
    const char* request;
    const char* status;
    const char* body;
  } cases[] = {
      {"GET /hello?a=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200",
       "\r\n\r\nhello a=1"},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", "HTTP/1.1 201",
       "\r\n\r\nabc"},
      {"GET /nope HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 404", "/hello"},
      {"POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "HTTP/1.1 405",
       ""},
      {"GET /hello HTTP/1.0\r\n\r\n", "HTTP/1.0 200", "hello"},
  };
  for (const auto& c : cases) {
    const std::string answer = Exchange(*server, c.request);
    EXPECT_THAT(answer, HasSubstr(std::string(c.status).substr(9))) << c.request;
    EXPECT_THAT(answer, HasSubstr(c.body)) << c.request;
  }
}

TEST(HttpServer, AHeadRequestGetsTheHeadersOnly) {
  const auto server = StartServer();
  const std::string answer =
      Exchange(*server, "HEAD /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 6"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST(HttpServer, ServesSeveralRequestsOnOneConnection) {
  const auto server = StartServer();
  Client client(*server);
  client.Send("GET /hello?1 HTTP/1.1\r\nHost: x\r\n\r\n");
  client.Send("GET /hello?2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string answers = client.ReadAll();
  EXPECT_THAT(answers, HasSubstr("hello 1"));
  EXPECT_THAT(answers, HasSubstr("hello 2"));
}

TEST(HttpServer, GivesAndTakesHeaders) {
  HttpServerOptions options;
  options.address = "127.0.0.1:0";
  std::vector<HttpRoute> routes;
  routes.push_back({"POST", "/hook", [](const HttpRequest& request) {
                      const std::string* const signature = FindHeader(request.headers, "x-signature");
                      HttpResponse response{200, signature == nullptr ? "none" : *signature};
                      response.headers = {{"Retry-After", "7"}, {"Server", "test"}};
                      return response;
                    }});
  const auto server = *HttpServer::Start(options, std::move(routes));
  const std::string answer =
      Exchange(*server,
               "POST /hook HTTP/1.1\r\nHost: x\r\nX-SIGNATURE:  sha256=ab \r\nX-Signature: "
               "second\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("\r\n\r\nsha256=ab"));
  EXPECT_THAT(answer, HasSubstr("\r\nRetry-After: 7\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nServer: test\r\n"));
  EXPECT_THAT(Exchange(*server, "POST /hook HTTP/1.0\r\nContent-Length: 0\r\n\r\n"), HasSubstr("none"));
}

TEST(HttpServer, BreaksOffInTheMiddleOfABodyWhenItIsToldTo) {
  HttpServerOptions options;
  options.address = "127.0.0.1:0";
  std::vector<HttpRoute> routes;
  routes.push_back({"GET", "/cut", [](const HttpRequest&) {
                      HttpResponse response{200, "0123456789"};
                      response.cut_after = 4;
                      return response;
                    }});
  const auto server = *HttpServer::Start(options, std::move(routes));
  const std::string answer =
      Exchange(*server, "GET /cut HTTP/1.1\r\nHost: x\r\n\r\n");  // kept alive, but for that
  EXPECT_THAT(answer, HasSubstr("Content-Length: 10\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n0123")) << answer;
}

TEST(HttpServer, BoundsTheBody) {
  HttpServerOptions options;
  options.max_body = ByteCount(10);
  const auto server = StartServer(options);
  const std::string answer =
      Exchange(*server, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n12345678901");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 413"));
}

TEST(HttpServer, AClientThatSendsAllOfABodyThatIsTooLargeStillGetsTheAnswer) {
  HttpServerOptions options;
  options.max_body = ByteCount(10);
  const auto server = StartServer(options);
  constexpr std::size_t kBytes = 16 << 20;  // more than sockets hold
  const std::string answer =
      Exchange(*server, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(kBytes) +
                            "\r\n\r\n" + std::string(kBytes, 'a'));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(answer, HasSubstr("body too large"));
}

TEST(HttpServer, BoundsTheHeaders) {
  const auto server = StartServer();
  const std::string answer =
      Exchange(*server, "GET /hello HTTP/1.1\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 431"));
}

TEST(HttpServer, ClosesASilentConnection) {
  HttpServerOptions options;
  options.timeout = Duration(50);
  const auto server = StartServer(options);
  Client client(*server);
  EXPECT_EQ(client.ReadAll(), "");
}

TEST(HttpServer, BoundsTheConnections) {
  HttpServerOptions options;
  options.max_connections = 1;
  const auto server = StartServer(options);
  Client first(*server);
  first.Send("GET /hello HTTP/1.1\r\nHost: x\r\n");  // holds its place
  Client second(*server);
  EXPECT_EQ(second.ReadAll(), "");
  first.Send("Connection: close\r\n\r\n");
  EXPECT_THAT(first.ReadAll(), HasSubstr("hello"));
}

TEST(HttpServer, IgnoresGarbage) {
  const auto server = StartServer();
  EXPECT_EQ(Exchange(*server, "\x16\x03\x01 not http\r\n\r\n").find("200"), std::string::npos);
  EXPECT_THAT(Exchange(*server, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              HasSubstr("hello"));
}

TEST(HttpServer, SaysWhyItCannotListen) {
  const auto server = StartServer();
  for (const std::string& address : {std::string("nonsense"), std::string("127.0.0.1:99999"), std::string(""),
                                     std::string("256.0.0.1:1"), server->address()}) {
    HttpServerOptions options;
    options.address = address;
    const Result<std::unique_ptr<HttpServer>> other = HttpServer::Start(options, {});
    ASSERT_FALSE(other.ok()) << address;
    EXPECT_THAT(other.status().message(), HasSubstr("cannot listen on '" + address + "'"));
  }
}

constexpr const char* kAskLater = "GET /later/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// A server whose answer to /later/... is `reply`, and whoever else is asked meanwhile gets one.
std::unique_ptr<HttpServer> StartLater(std::function<void(const HttpRequest&, HttpReply)> later,
                                       Duration timeout = Duration(10'000)) {
  HttpServerOptions options;
  options.address = "127.0.0.1:0";
  options.timeout = timeout;
  std::vector<HttpRoute> routes;
  routes.push_back({"GET", "/hello", [](const HttpRequest&) { return HttpResponse{200, "hello"}; }});
  routes.push_back({"GET", "/later/", nullptr, std::move(later)});
  return *HttpServer::Start(options, std::move(routes));
}

TEST(HttpServer, AnAnswerMayComeLaterFromAnotherThreadWhileOthersAreServed) {
  Mutex mutex;
  HttpReply kept;
  const auto server = StartLater([&](const HttpRequest& request, HttpReply reply) {
    EXPECT_EQ(request.path, "/later/x");
    const MutexLock lock(mutex);
    kept = std::move(reply);
  });
  Client client(*server);
  client.Send(kAskLater);
  HttpReply reply;
  while (reply == nullptr) {  // each round is a whole exchange with the server
    EXPECT_THAT(Exchange(*server, "GET /hello HTTP/1.0\r\n\r\n"), HasSubstr("hello"));
    const MutexLock lock(mutex);
    reply = kept;
  }
  reply([] { return HttpResponse{200, "at last"}; });
  EXPECT_THAT(client.ReadAll(), HasSubstr("at last"));
  reply([] { return HttpResponse{200, "once more"}; });  // nobody listens any more
}

TEST(HttpServer, AnAnswerThatNeverComesIsATimeout) {
  const auto server = StartLater([](const HttpRequest&, const HttpReply&) {}, Duration(50));
  EXPECT_THAT(Exchange(*server, kAskLater), StartsWith("HTTP/1.1 504"));
}

TEST(HttpServer, AnAnswerAfterTheServersEndGoesNowhere) {
  Mutex mutex;
  HttpReply kept;
  auto server = StartLater([&](const HttpRequest&, HttpReply reply) {
    const MutexLock lock(mutex);
    kept = std::move(reply);
  });
  Client client(*server);
  client.Send(kAskLater);
  HttpReply reply;
  while (reply == nullptr) {
    Exchange(*server, "GET /hello HTTP/1.0\r\n\r\n");
    const MutexLock lock(mutex);
    reply = kept;
  }
  server.reset();
  reply([] { return HttpResponse{200, "too late"}; });
  EXPECT_EQ(client.ReadAll(), "");
}

}  // namespace
}  // namespace millrace
