// Far sides that fail in every way below HTTP: the client gives an error that may be tried again, in time and
// within its bounds.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "env/thread.h"
#include "http/client.h"
#include "http/retry_class.h"

namespace millrace {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using testing::HasSubstr;
using testing::Not;

enum class Ending { kClose, kStaySilent, kDrip };

/// Takes one connection, reads a request's headers, writes what the test says and ends as it says. Needs one
/// client that connects and closes.
class RawServer {
 public:
  RawServer(std::string answer, Ending ending)
      : acceptor_(context_, {asio::ip::make_address("127.0.0.1"), 0}),
        thread_("raw", [this, answer = std::move(answer), ending] { Serve(answer, ending); }) {}

  std::string Url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/p?access_token=canary";
  }

 private:
  void Serve(const std::string& answer, Ending ending) {
    error_code error;
    tcp::socket socket(context_);
    acceptor_.accept(socket, error);
    std::string request;
    asio::read_until(socket, asio::dynamic_buffer(request), "\r\n\r\n", error);
    asio::write(socket, asio::buffer(answer), error);
    if (ending == Ending::kClose) return;
    while (ending == Ending::kDrip && !error) {  // a byte now and then, until the client gives up
      asio::steady_timer(context_, std::chrono::milliseconds(10)).wait(error);
      asio::write(socket, asio::buffer("x", 1), error);
    }
    std::string rest;
    asio::read(socket, asio::dynamic_buffer(rest), error);  // until the client gives up
  }

  asio::io_context context_;
  tcp::acceptor acceptor_;
  Thread thread_;
};

HttpClientOptions Impatient() {
  HttpClientOptions options;
  options.timeout = Duration(200);
  options.max_body = ByteCount(1'000);
  options.secrets = {"canary"};
  return options;
}

Result<ClientResponse> Get(const std::string& url, const HttpClientOptions& options = Impatient()) {
  auto client = HttpClient::Start(options);
  EXPECT_TRUE(client.ok());
  return (*client)->Call({"GET", url});
}

void ExpectRetryable(const Result<ClientResponse>& response, StatusCode code, const std::string& what) {
  ASSERT_FALSE(response.ok()) << what;
  EXPECT_EQ(response.status().code(), code) << what << ": " << response.status().message();
  EXPECT_EQ(RetryClassOf(response.status()), RetryClass::kRetry) << what;
  EXPECT_THAT(response.status().message(), Not(HasSubstr("canary"))) << what;
}

TEST(HttpClientFaults, ConnectionAndNameErrorsMayBeTriedAgain) {  // F90
  asio::io_context context;
  tcp::acceptor free_port(context, {asio::ip::make_address("127.0.0.1"), 0});
  const std::string port = std::to_string(free_port.local_endpoint().port());
  free_port.close();
  ExpectRetryable(Get("http://127.0.0.1:" + port + "/p?access_token=canary"), StatusCode::kUnavailable,
                  "refused");
  HttpClientOptions patient = Impatient();
  patient.timeout = Duration(20'000);
  ExpectRetryable(Get("http://no-such-host.invalid/p?access_token=canary", patient), StatusCode::kUnavailable,
                  "no such name");
}

TEST(HttpClientFaults, AnswersThatNeverComeOrNeverEndAreTimeouts) {  // F91
  for (const char* answer : {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"}) {
    RawServer server(answer, Ending::kStaySilent);
    ExpectRetryable(Get(server.Url()), StatusCode::kTimeout, answer);
  }
}

TEST(HttpClientFaults, AnAnswerThatComesByteByByteIsATimeoutAllTheSame) {  // F91
  RawServer server("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", Ending::kDrip);
  ExpectRetryable(Get(server.Url()), StatusCode::kTimeout, "a byte each 10 ms");
}

TEST(HttpClientFaults, AnswersThatBreakOffAreNoResults) {  // F91, F96
  HttpClientOptions options = Impatient();
  options.timeout = Duration(20'000);
  for (const char* answer :
       {"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "\x16\x03\x01 nonsense\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"}) {
    RawServer server(answer, Ending::kClose);
    ExpectRetryable(Get(server.Url(), options), StatusCode::kUnavailable, answer);
  }
}

TEST(HttpClientFaults, AnswersAreBounded) {  // F91
  const std::string many_headers = [] {
    std::string text = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 1'000; ++i)
      text += "X-Header-" + std::to_string(i) + ": " + std::string(100, 'x') + "\r\n";
    return text + "Content-Length: 0\r\n\r\n";
  }();
  const std::string cases[] = {"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + std::string(5'000, 'x'),
                               "HTTP/1.1 200 OK\r\n\r\n" + std::string(5'000, 'x'), many_headers};
  HttpClientOptions options = Impatient();
  options.timeout = Duration(20'000);
  for (const std::string& answer : cases) {
    RawServer server(answer, Ending::kClose);
    const auto response = Get(server.Url(), options);
    ExpectRetryable(response, StatusCode::kResourceExhausted, answer.substr(0, 40));
    EXPECT_THAT(response.status().message(), HasSubstr("larger than"));
  }
}

TEST(HttpClientFaults, ACompressedBodyIsNotUnpacked) {  // F91: a small body cannot become a large one
  RawServer server("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08z",
                   Ending::kClose);
  const auto response = Get(server.Url());
  ASSERT_TRUE(response.ok()) << response.status().message();
  EXPECT_EQ(response->body, "\x1f\x8b\x08z");
}

TEST(HttpClientFaults, AnInterimResponseIsNotTheAnswer) {
  RawServer server("HTTP/1.1 103 Early Hints\r\nX: early\r\n\r\nHTTP/1.1 204 No Content\r\nY: late\r\n\r\n",
                   Ending::kClose);
  const auto response = Get(server.Url());
  ASSERT_TRUE(response.ok()) << response.status().message();
  EXPECT_EQ(response->status, 204);
  EXPECT_EQ(FindHeader(response->headers, "X"), nullptr);
  EXPECT_EQ(*FindHeader(response->headers, "Y"), "late");
}

}  // namespace
}  // namespace millrace
