#include "http/server.h"

#include <charconv>
#include <map>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include "base/mutex.h"
#include "env/thread.h"

namespace millrace {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using Tcp = asio::ip::tcp;

constexpr std::uint32_t kMaxHeaderBytes = 16 << 10;
/// Of a request that was too large, behind its answer.
constexpr std::size_t kThrowAtOnce = 64 << 10;
constexpr std::size_t kMostThrownAway = 64 << 20;

/// A connection that an answer of a route's `later` is for.
class Waiting {
 public:
  virtual ~Waiting() = default;
  virtual void AnswerNow(HttpResponse response) = 0;
};

/// How other threads reach the server; outlives it in the hands of those that still have an answer to give.
struct Mailbox {
  Mutex mutex;
  asio::io_context* context = nullptr;  // guarded by mutex; null when the server is gone
};

/// What sessions share; used on the server's thread only.
struct Shared {
  HttpServerOptions options;
  std::vector<HttpRoute> routes;
  std::int32_t connections = 0;
  std::shared_ptr<Mailbox> mailbox = std::make_shared<Mailbox>();
  std::map<std::int64_t, std::shared_ptr<Waiting>> waiting{};  // for an answer that comes later, by number
  std::int64_t last_number = 0;
};

bool Matches(const HttpRoute& route, const std::string& path) {
  return route.path.ends_with('/') ? path.starts_with(route.path) : path == route.path;
}

/// The route of a request, or what to answer when there is none.
std::pair<const HttpRoute*, HttpResponse> FindRoute(const Shared& shared, const HttpRequest& request) {
  const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  std::string paths;
  bool path_known = false;
  for (const HttpRoute& route : shared.routes) {
    const bool matches = Matches(route, request.path);
    if (matches && route.method == method) return {&route, {}};
    path_known = path_known || matches;
    paths += route.path + "\n";
  }
  if (path_known) return {nullptr, {405, "method not allowed\n"}};
  return {nullptr, {404, "not found; there is:\n" + paths}};
}

void Deliver(Shared& shared, std::int64_t number, HttpResponse response) {
  const auto found = shared.waiting.find(number);
  if (found == shared.waiting.end()) return;  // it was too late
  const std::shared_ptr<Waiting> session = std::move(found->second);
  shared.waiting.erase(found);
  session->AnswerNow(std::move(response));
}

using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

/// One connection: reads a request, answers, and so on until either side closes.
template <typename Stream>
class Session final : public Waiting, public std::enable_shared_from_this<Session<Stream>> {
 public:
  Session(Stream stream, Shared& shared)
      : stream_(std::move(stream)), too_late_(stream_.get_executor()), shared_(shared) {
    ++shared_.connections;
  }
  ~Session() override { --shared_.connections; }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void Start() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      tcp().expires_after(shared_.options.timeout);
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [self = this->shared_from_this()](error_code error) {
                                if (!error) self->Read();
                              });
    } else {
      Read();
    }
  }

  void AnswerNow(HttpResponse response) override {
    too_late_.cancel();
    Answer(std::move(response), keep_alive_, head_);
  }

 private:
  PlainStream& tcp() { return beast::get_lowest_layer(stream_); }

  void Read() {
    parser_.emplace();
    parser_->header_limit(kMaxHeaderBytes);
    parser_->body_limit(static_cast<std::uint64_t>(shared_.options.max_body.value()));
    tcp().expires_after(shared_.options.timeout);
    http::async_read(
        stream_, buffer_, *parser_,
        [self = this->shared_from_this()](error_code error, std::size_t) { self->OnRead(error); });
  }

  void OnRead(error_code error) {
    too_large_ = error == http::error::body_limit || error == http::error::header_limit;
    if (error == http::error::body_limit) return Answer({413, "body too large\n"}, false, false);
    if (error == http::error::header_limit) return Answer({431, "headers too large\n"}, false, false);
    if (error) return Close();
    const auto& message = parser_->get();
    const std::string_view target(message.target().data(), message.target().size());
    const std::size_t question = target.find('?');
    HttpRequest request{std::string(message.method_string()), std::string(target.substr(0, question)),
                        question == std::string_view::npos ? "" : std::string(target.substr(question + 1)),
                        message.body()};
    for (const auto& field : message) {
      request.headers.emplace_back(std::string_view(field.name_string().data(), field.name_string().size()),
                                   std::string_view(field.value().data(), field.value().size()));
    }
    keep_alive_ = message.keep_alive();
    head_ = request.method == "HEAD";
    auto [route, response] = FindRoute(shared_, request);
    if (route == nullptr) return Answer(std::move(response), keep_alive_, head_);
    if (route->later == nullptr) return Answer(route->handler(request), keep_alive_, head_);
    AnswerLater(*route, request);
  }

  void AnswerLater(const HttpRoute& route, const HttpRequest& request) {
    const std::int64_t number = ++shared_.last_number;
    shared_.waiting.emplace(number, this->shared_from_this());
    tcp().expires_never();
    too_late_.expires_after(shared_.options.timeout);
    too_late_.async_wait([&shared = shared_, number](error_code error) {
      if (!error) Deliver(shared, number, {504, "no answer in time\n"});
    });
    route.later(request,
                [mailbox = shared_.mailbox, &shared = shared_, number](std::function<HttpResponse()> make) {
                  const MutexLock lock(mailbox->mutex);
                  if (mailbox->context == nullptr) return;
                  asio::post(*mailbox->context,
                             [&shared, number, make = std::move(make)] { Deliver(shared, number, make()); });
                });
  }

  void Answer(HttpResponse answer, bool keep_alive, bool head) {
    response_.emplace();
    response_->result(static_cast<unsigned>(answer.status));
    response_->set(http::field::server, "millrace");
    response_->set(http::field::content_type, answer.content_type);
    response_->set(http::field::cache_control, "no-store");
    for (const auto& [name, value] : answer.headers) response_->set(name, value);
    response_->keep_alive(keep_alive);
    response_->content_length(answer.body.size());
    const bool cut = answer.cut_after && *answer.cut_after < answer.body.size();
    if (cut) answer.body.resize(*answer.cut_after);
    if (!head) response_->body() = std::move(answer.body);
    tcp().expires_after(shared_.options.timeout);
    http::async_write(stream_, *response_,
                      [self = this->shared_from_this(), keep_alive, cut](error_code error, std::size_t) {
                        if (cut) return self->CloseSocket();
                        if (self->too_large_ && !error) return self->ReadOn();
                        if (error || !keep_alive) return self->Close();
                        self->Read();
                      });
  }

  /// Throws away what still comes, within bounds: a connection that is closed with something unread is reset,
  /// and the answer lost. The time is that of the answer.
  void ReadOn() {
    if constexpr (!std::is_same_v<Stream, TlsStream>) CloseSocket();
    thrown_away_ = 0;
    ThrowAway();
  }

  void ThrowAway() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(kThrowAtOnce),
                            [self = this->shared_from_this()](error_code error, std::size_t bytes) {
                              self->thrown_away_ += bytes;
                              if (error || self->thrown_away_ > kMostThrownAway) return self->Close();
                              self->ThrowAway();
                            });
  }

  void Close() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      tcp().expires_after(shared_.options.timeout);
      stream_.async_shutdown([self = this->shared_from_this()](error_code) { self->CloseSocket(); });
    } else {
      CloseSocket();
    }
  }

  void CloseSocket() {
    error_code ignored;
    tcp().socket().shutdown(Tcp::socket::shutdown_send, ignored);
  }

  Stream stream_;
  asio::steady_timer too_late_;  // for an answer that comes later
  bool keep_alive_ = false;
  bool head_ = false;
  bool too_large_ = false;  // the request
  std::size_t thrown_away_ = 0;
  Shared& shared_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> response_;
};

Status BadAddress(const std::string& address, const std::string& why) {
  return Status::InvalidArgument("cannot listen on '" + address + "': " + why +
                                 "; write HOST:PORT, :PORT or PORT, such as 127.0.0.1:8080");
}

Result<Tcp::endpoint> ParseAddress(asio::io_context& context, const std::string& address) {
  const std::size_t colon = address.rfind(':');
  std::string host = colon == std::string::npos ? "" : address.substr(0, colon);
  const std::string port_text = colon == std::string::npos ? address : address.substr(colon + 1);
  std::uint16_t port = 0;
  const char* end = port_text.data() + port_text.size();
  if (const auto [stop, error] = std::from_chars(port_text.data(), end, port);
      port_text.empty() || error != std::errc() || stop != end) {
    return BadAddress(address, "'" + port_text + "' is no port");
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || host == "*") return Tcp::endpoint(Tcp::v4(), port);
  error_code error;
  Tcp::resolver resolver(context);
  const auto found = resolver.resolve(host, std::to_string(port), error);
  if (error || found.empty()) return BadAddress(address, "host '" + host + "': " + error.message());
  return found.begin()->endpoint();
}

Result<std::unique_ptr<asio::ssl::context>> MakeTls(const HttpServerOptions& options) {
  if (options.certificate_file.empty() && options.key_file.empty())
    return std::unique_ptr<asio::ssl::context>();
  auto tls = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  error_code error;
  tls->set_options(asio::ssl::context::no_sslv2 | asio::ssl::context::no_sslv3 |
                       asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1,
                   error);
  if (!error) tls->use_certificate_chain_file(options.certificate_file, error);
  if (error) {
    return Status::InvalidArgument("cannot serve HTTPS with the certificate '" + options.certificate_file +
                                   "': " + error.message() + "; give a PEM file");
  }
  tls->use_private_key_file(options.key_file, asio::ssl::context::pem, error);
  if (error) {
    return Status::InvalidArgument("cannot serve HTTPS with the key '" + options.key_file +
                                   "': " + error.message() + "; give the PEM file of the certificate's key");
  }
  return tls;
}

}  // namespace

struct HttpServer::State {
  explicit State(std::vector<HttpRoute> routes_in, HttpServerOptions options_in)
      : shared{std::move(options_in), std::move(routes_in)}, acceptor(context) {
    shared.mailbox->context = &context;
  }

  Status Listen() {
    MR_ASSIGN_OR_RETURN(const Tcp::endpoint endpoint, ParseAddress(context, shared.options.address));
    error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) return BadAddress(shared.options.address, error.message());
    const Tcp::endpoint local = acceptor.local_endpoint(error);
    port = local.port();
    const std::string host = local.address().to_string();
    address = (local.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(port);
    return Status::Ok();
  }

  void Serve(Tcp::socket socket) {
    if (tls == nullptr) {
      std::make_shared<Session<PlainStream>>(PlainStream(std::move(socket)), shared)->Start();
    } else {
      std::make_shared<Session<TlsStream>>(TlsStream(PlainStream(std::move(socket)), *tls), shared)->Start();
    }
  }

  void Accept() {
    acceptor.async_accept([this](error_code error, Tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (!error && shared.connections < shared.options.max_connections) {
        Serve(std::move(socket));
      }
      Accept();
    });
  }

  Shared shared;  // before the context, whose sessions use it until they are destroyed
  std::unique_ptr<asio::ssl::context> tls;  // null for HTTP; as above
  asio::io_context context{1};
  Tcp::acceptor acceptor;
  std::string address;
  std::uint16_t port = 0;
  Thread thread;
};

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options,
                                                      std::vector<HttpRoute> routes) {
  auto state = std::make_unique<State>(std::move(routes), std::move(options));
  MR_ASSIGN_OR_RETURN(state->tls, MakeTls(state->shared.options));
  MR_RETURN_IF_ERROR(state->Listen());
  state->Accept();
  state->thread = Thread("http", [raw = state.get()] { raw->context.run(); });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

HttpServer::~HttpServer() {
  {
    const MutexLock lock(state_->shared.mailbox->mutex);
    state_->shared.mailbox->context = nullptr;
  }
  state_->context.stop();
  state_->thread.Join();
  state_->shared.waiting.clear();  // their sockets belong to the context
}

const std::string& HttpServer::address() const { return state_->address; }

std::uint16_t HttpServer::port() const { return state_->port; }

}  // namespace millrace
