#include "connectors/snapchat/marketing_api.h"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>

#include "base/check.h"
#include "base/mutex.h"
#include "connectors/snapchat/token_complaint.h"
#include "http/redact.h"
#include "http/retry_class.h"

namespace millrace {
namespace {

namespace json = boost::json;

constexpr const char* kVersion = "/v1";
constexpr std::size_t kMostSaid = 500;
constexpr Duration kConnectTimeout{5'000};
constexpr Duration kTimeout{60'000};  // statistics of a large account take their time

std::string TextOf(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(json::string_view(name.data(), name.size()));
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string UpperCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return text;
}

/// Whether Snap says that it is one, whatever the HTTP status.
bool IsError(const json::object& body) {
  const std::string status = UpperCase(TextOf(body, "request_status"));
  return status == "ERROR" || status == "FAILED";
}

/// All that Snap says of an error.
std::string SaidBy(const ClientResponse& response, const json::object& body) {
  std::string reason = "HTTP " + std::to_string(response.status);
  for (const char* name : {"request_status", "error_code", "debug_message", "display_message"}) {
    if (const std::string text = TextOf(body, name); !text.empty() && UpperCase(text) != "SUCCESS")
      reason += ", " + text;
  }
  if (body.empty() && !response.body.empty()) reason += ": " + response.body;
  return reason;
}

}  // namespace

struct MarketingApi::Mailbox {
  Mutex mutex;
  ConditionVariable arrived;
  // Guarded by mutex:
  std::int64_t question = 0;  // answers to others are thrown away
  std::optional<Result<ClientResponse>> response;
  std::optional<Result<std::string>> token;
};

Result<std::unique_ptr<MarketingApi>> MarketingApi::Make(MarketingAccess access, const std::string& source,
                                                         const Clock& clock, MetricRegistry& metrics) {
  HttpClientOptions options;
  options.ca_file = access.ca_file;
  options.connect_timeout = kConnectTimeout;
  options.timeout = kTimeout;
  options.max_body = ByteCount(64 << 20);
  if (!access.access_token.empty()) options.secrets.push_back(access.access_token);
  if (access.oauth) options.secrets = {access.oauth->client_secret, access.oauth->refresh_token};
  MR_ASSIGN_OR_RETURN(auto client, HttpClient::Start(options));
  const auto accesses = access.shared ? access.shared : std::make_shared<SnapAccesses>(clock);
  MR_ASSIGN_OR_RETURN(auto shared,
                      accesses->Get({.url = access.url,
                                     .login = {access.access_token, access.oauth, access.access_token_file},
                                     .ca_file = access.ca_file,
                                     .per_second = access.per_second,
                                     .app = access.app,
                                     .app_per_second = access.app_per_second}));
  return std::unique_ptr<MarketingApi>(
      new MarketingApi(std::move(access), source, std::move(shared), std::move(client), clock, metrics));
}

MarketingApi::MarketingApi(MarketingAccess access, std::string source, SnapAccess shared,
                           std::unique_ptr<HttpClient> client, const Clock& clock, MetricRegistry& metrics)
    : access_(std::move(access)),
      source_(std::move(source)),
      clock_(clock),
      requests_(metrics.GetCounter("millrace_feed_requests_total", "Requests that a source sent.",
                                   {{"source", source_}})),
      retries_(metrics.GetCounter("millrace_feed_request_retries_total",
                                  "Requests that had to be sent again.", {{"source", source_}})),
      random_(Random::FromSystem()),
      backoff_(BackoffOptions{}, random_),
      trouble_({.begins = "Snap did not answer; asking again",
                .lasts = "Snap still does not answer; asking again",
                .over = "Snap answers again"},
               {"source", source_}, clock),
      token_(access_.access_token),
      mailbox_(std::make_shared<Mailbox>()),
      shared_(std::move(shared)),
      client_(std::move(client)) {}

MarketingApi::~MarketingApi() = default;

Status MarketingApi::Ask(const std::string& target) {
  Forget();
  url_ = target.starts_with("/") ? access_.url + kVersion + target : target;
  // What follows the origin must not be able to change it.
  if (!url_.starts_with(access_.url + "/")) {
    return Status::InvalidArgument("Snap's answer names '" + WithoutSecrets(url_) +
                                   "' as its next page, which is not at " + WithoutSecrets(access_.url) +
                                   ": the token does not go there; check 'url'");
  }
  step_ = TokenChanges() ? Step::kToken : Step::kSend;
  return Status::Ok();
}

void MarketingApi::Forget() {
  const MutexLock lock(mailbox_->mutex);
  ++mailbox_->question;
  mailbox_->response.reset();
  step_ = Step::kIdle;
}

Result<std::optional<MarketingAnswer>> MarketingApi::Answer(Duration wait) {
  MR_CHECK(asking());
  MR_ASSIGN_OR_RETURN(auto answer, Advance());
  if (answer) return answer;
  {
    MutexLock lock(mailbox_->mutex);
    mailbox_->arrived.wait_for(lock, std::min(wait, UntilRetry()), [this] {
      return mailbox_->response.has_value() || mailbox_->token.has_value();
    });
  }
  return Advance();
}

Duration MarketingApi::UntilRetry() const {
  if (step_ != Step::kSend && step_ != Step::kToken) return Duration::max();
  const auto left = std::chrono::ceil<Duration>(retry_at_ - clock_.Steady());
  return left > Duration(0) ? left : Duration::max();
}

Result<std::optional<MarketingAnswer>> MarketingApi::Advance() {
  MR_RETURN_IF_ERROR(TakeToken());
  std::optional<Result<ClientResponse>> response;
  {
    const MutexLock lock(mailbox_->mutex);
    response.swap(mailbox_->response);
  }
  if (response && step_ == Step::kAnswer) {
    MR_ASSIGN_OR_RETURN(auto answer, Judge(*response));
    if (answer) {
      backoff_.Reset();
      trouble_.Passed(this);
      step_ = Step::kIdle;
      return answer;
    }
  }
  if (clock_.Steady() < retry_at_) return std::optional<MarketingAnswer>();
  if (step_ == Step::kToken) {
    FetchToken();
    MR_RETURN_IF_ERROR(TakeToken());
  }
  if (step_ == Step::kSend) MR_RETURN_IF_ERROR(Send());
  return std::optional<MarketingAnswer>();
}

// --- Tokens ---

void MarketingApi::FetchToken() {
  if (std::exchange(token_asked_, true)) return;
  shared_.token(refused_, [mailbox = mailbox_](Result<std::string> token) {
    const MutexLock lock(mailbox->mutex);
    mailbox->token = std::move(token);
    mailbox->arrived.notify_all();
  });
}

Status MarketingApi::TakeToken() {
  std::optional<Result<std::string>> token;
  {
    const MutexLock lock(mailbox_->mutex);
    token.swap(mailbox_->token);
  }
  if (!token) return Status::Ok();
  token_asked_ = false;
  refused_.clear();
  const std::string refused_why = std::exchange(refused_why_, "");
  if (token->ok()) {
    token_ = **std::move(token);
    if (step_ == Step::kToken) step_ = Step::kSend;
    return Status::Ok();
  }
  if (token->status().error_class() != ErrorClass::kRetryable) {
    return refused_why.empty()
               ? token->status()
               : token->status().WithContext("Snap does not take the access token (" + refused_why + ")");
  }
  RetryLater(token->status().message(), std::nullopt);
  return Status::Ok();
}

// --- Requests ---

Status MarketingApi::Send() {
  if (const Duration wait = shared_.limiter->TryTake(shared_.buckets()); wait > Duration(0)) {
    retry_at_ = clock_.Steady() + wait;
    return Status::Ok();
  }
  ClientRequest request;
  request.url = url_;
  request.headers = {{"Authorization", "Bearer " + token_}, {"Accept", "application/json"}};
  std::int64_t question = 0;
  {
    const MutexLock lock(mailbox_->mutex);
    question = mailbox_->question;
  }
  MR_RETURN_IF_ERROR(
      client_->Send(std::move(request), [mailbox = mailbox_, question](Result<ClientResponse> response) {
        const MutexLock lock(mailbox->mutex);
        if (mailbox->question != question) return;
        mailbox->response = std::move(response);
        mailbox->arrived.notify_all();
      }));
  requests_.Add(1);
  step_ = Step::kAnswer;
  return Status::Ok();
}

Result<std::optional<MarketingAnswer>> MarketingApi::Judge(const Result<ClientResponse>& response) {
  using Outcome = MarketingAnswer::Outcome;
  const auto nothing = std::optional<MarketingAnswer>();
  if (!response.ok()) {
    if (RetryClassOf(response.status()) == RetryClass::kPermanent) {
      step_ = Step::kSend;  // after the error the next call tries again
      return response.status();
    }
    RetryLater(response.status().message(), std::nullopt);
    return nothing;
  }
  json::error_code error;
  json::value parsed = json::parse(response->body, error);
  json::object body;
  if (!error && parsed.is_object()) body = std::move(parsed.get_object());
  const std::string reason = WithoutSecrets(SaidBy(*response, body));
  const RetryClass outcome = RetryClassOf(response->status);
  // Snap refuses tokens also with other answers than HTTP 401.
  const bool final = outcome == RetryClass::kDone || outcome == RetryClass::kPermanent;
  if (final && IsError(body) && IsAboutToken(TextOf(body, "debug_message"))) return Unauthorized(reason);
  switch (outcome) {
    case RetryClass::kDone: {
      if (body.empty()) {  // something else than Snap answered
        RetryLater(reason, std::nullopt);
        return nothing;
      }
      if (!IsError(body)) return std::optional(MarketingAnswer{Outcome::kGiven, std::move(body), ""});
      const bool forbidden = TextOf(body, "error_code") == "E3002";
      return std::optional(MarketingAnswer{forbidden ? Outcome::kForbidden : Outcome::kRefused, {}, reason});
    }
    case RetryClass::kRetry: {
      const std::string* const asked = FindHeader(response->headers, "Retry-After");
      RetryLater(reason, asked == nullptr ? std::nullopt : RetryAfter(*asked, clock_.Now()));
      return nothing;
    }
    case RetryClass::kAuth:
      return Unauthorized(reason);
    case RetryClass::kForbidden:
      return std::optional(MarketingAnswer{Outcome::kForbidden, {}, reason});
    case RetryClass::kPermanent:
      break;
  }
  return std::optional(MarketingAnswer{Outcome::kRefused, {}, reason});
}

Result<std::optional<MarketingAnswer>> MarketingApi::Unauthorized(const std::string& reason) {
  retries_.Add(1);
  if (!TokenChanges()) {
    step_ = Step::kSend;
    return Status::PermissionDenied("Snap does not take the access token (" + reason +
                                    "); renew it, or give 'oauth', which does so by itself");
  }
  refused_ = token_;
  refused_why_ = reason;
  step_ = Step::kToken;
  return std::optional<MarketingAnswer>();
}

void MarketingApi::RetryLater(const std::string& reason, std::optional<Duration> asked) {
  const auto now = clock_.Steady();
  if (backoff_.tries() == 0) failing_since_ = now;
  const Duration pause = backoff_.Next(asked);
  retry_at_ = now + pause;
  if (step_ == Step::kAnswer) step_ = TokenChanges() ? Step::kToken : Step::kSend;
  retries_.Add(1);
  trouble_.Failed(this,
                  {.error = reason, .tries = backoff_.tries(), .pause = pause, .since = failing_since_});
}

std::string MarketingApi::WithoutSecrets(std::string_view text) const {
  return Redactor({token_}).Excerpt(client_->redactor()(text), kMostSaid);
}

}  // namespace millrace
