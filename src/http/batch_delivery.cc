#include "http/batch_delivery.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/mutex.h"
#include "http/header.h"
#include "http/redact.h"
#include "http/retry_class.h"

namespace millrace {
namespace {

constexpr std::chrono::nanoseconds kShortestWait{1'000'000};
constexpr int kTooManyRequests = 429;
constexpr std::size_t kMostSaid = 500;
constexpr const char* kToken = "token";
constexpr const char* kRight = "right";
constexpr const char* kRefusals = "refusals";

}  // namespace

/// Items of one group that go out together, and how far that is.
struct BatchDelivery::Batch {
  Batch(std::string its_group, BackoffOptions options, Random& random)
      : group(std::move(its_group)), backoff(options, random) {}

  std::span<const std::string_view> items(BatchBisection::Part part) const {
    return std::span(views).subspan(static_cast<std::size_t>(part.begin),
                                    static_cast<std::size_t>(part.count));
  }

  const std::string group;
  std::string bytes;              // of all items
  std::vector<std::size_t> ends;  // in `bytes`, by item
  std::vector<std::int64_t> ids;
  std::vector<std::string_view> views;  // into `bytes`, once it is closed
  std::optional<BatchBisection> parts;  // once it is closed
  std::vector<std::string> reasons;     // of the items in parts->bad()
  Backoff backoff;
  std::chrono::nanoseconds not_before{0};
  std::optional<std::chrono::nanoseconds> first_sent;
  std::string token;            // that it was sent with last
  bool token_replaced = false;  // since it was accepted last
  bool in_flight = false;
  bool forbidden = false;  // and waits
};

/// What the client's thread leaves for the owner's.
struct BatchDelivery::Answers {
  Mutex mutex;
  ConditionVariable come;
  std::vector<std::pair<Batch*, Result<ClientResponse>>> waiting;  // guarded by mutex
  std::optional<Result<std::string>> token;                        // guarded by mutex
};

BatchDelivery::BatchDelivery(BatchDeliveryOptions options, BatchDeliveryContext context, Random random)
    : options_(std::move(options)),
      context_(std::move(context)),
      random_(random),
      requests_(context_.metrics->GetCounter("millrace_delivery_requests_total",
                                             "Requests that a sink sent to a service.",
                                             {{"step", options_.step}})),
      retries_(context_.metrics->GetCounter("millrace_delivery_retries_total",
                                            "Requests of a sink that have to be sent again.",
                                            {{"step", options_.step}})),
      paused_gauge_(context_.metrics->GetGauge("millrace_delivery_paused",
                                               "Tasks whose sink waits for a right or a valid token.",
                                               {{"step", options_.step}})),
      token_backoff_(options_.backoff, random_),
      answers_(std::make_shared<Answers>()) {}

BatchDelivery::~BatchDelivery() {
  Resume();
  for (const auto& batch : closed_) context_.trouble->Forget(batch.get());
  context_.token_trouble->Forget(this);
}

BatchDelivery::Batch& BatchDelivery::OpenBatch(std::string_view group) {
  const auto found = open_.find(group);
  if (found != open_.end()) return *found->second;
  auto made = std::make_unique<Batch>(std::string(group), options_.backoff, random_);
  return *open_.emplace(std::string(group), std::move(made)).first->second;
}

void BatchDelivery::Add(std::string_view group, std::string_view item, std::int64_t id) {
  const auto fits = [&](const Batch& batch) {
    const std::size_t separators = batch.ids.size();  // with this one
    return batch.ids.empty() || static_cast<std::int64_t>(batch.bytes.size() + item.size() + separators) +
                                        context_.api->EnvelopeBytes() <=
                                    options_.max_bytes.value();
  };
  if (!fits(OpenBatch(group))) {
    Close(group);
    Advance();
  }
  Batch& batch = OpenBatch(group);
  batch.bytes += item;
  batch.ends.push_back(batch.bytes.size());
  batch.ids.push_back(id);
  if (static_cast<std::int64_t>(batch.ids.size()) < options_.max_items) return;
  Close(group);
  Advance();
}

void BatchDelivery::Close(std::string_view group) {
  const auto open = open_.find(group);
  std::unique_ptr<Batch> batch = std::move(open->second);
  open_.erase(open);
  batch->views.reserve(batch->ends.size());
  std::size_t begin = 0;
  for (const std::size_t end : batch->ends) {
    batch->views.push_back(std::string_view(batch->bytes).substr(begin, end - begin));
    begin = end;
  }
  batch->parts.emplace(static_cast<std::int64_t>(batch->ids.size()));
  closed_.push_back(std::move(batch));
}

bool BatchDelivery::Settle(Duration wait) {
  while (!open_.empty()) Close(std::string(open_.begin()->first));
  Advance();
  std::chrono::nanoseconds left = wait;
  while (!closed_.empty() && left > std::chrono::nanoseconds(0)) {
    const auto begin = context_.clock->Steady();
    auto pause = left;
    if (const auto next = NextAttempt()) pause = std::min(pause, std::max(*next - begin, kShortestWait));
    MutexLock lock(answers_->mutex);
    const bool answered = answers_->come.wait_for(
        lock, pause, [this] { return !answers_->waiting.empty() || answers_->token.has_value(); });
    lock.unlock();
    // A clock that stands still must not make this endless.
    left -= answered ? context_.clock->Steady() - begin : pause;
    Advance();
  }
  return closed_.empty();
}

BatchDelivery::Outcome BatchDelivery::TakeOutcome() { return std::exchange(outcome_, {}); }

std::optional<std::chrono::nanoseconds> BatchDelivery::NextAttempt() const {
  if (in_flight_ >= options_.max_in_flight || token_asked_) return std::nullopt;
  const auto earliest = std::max(paused_until_, token_not_before_);
  std::optional<std::chrono::nanoseconds> next;
  for (const auto& batch : closed_) {
    if (batch->in_flight) continue;
    const auto its = std::max(batch->not_before, earliest);
    next = next ? std::min(*next, its) : its;
  }
  return next;
}

void BatchDelivery::Advance() {
  std::vector<std::pair<Batch*, Result<ClientResponse>>> answered;
  std::optional<Result<std::string>> token;
  {
    const MutexLock lock(answers_->mutex);
    answered.swap(answers_->waiting);
    token.swap(answers_->token);
  }
  if (token) TakeToken(*std::move(token));
  for (auto& [batch, response] : answered) {
    --in_flight_;
    batch->in_flight = false;
    Handle(*batch, response);
  }
  closed_.remove_if([](const auto& batch) { return !batch->in_flight && !batch->parts->Next(); });
  SendWhatMay();
}

void BatchDelivery::SendWhatMay() {
  const auto now = context_.clock->Steady();
  for (const auto& batch : closed_) {
    if (in_flight_ >= options_.max_in_flight || paused_until_ > now) return;
    if (batch->in_flight || batch->not_before > now) continue;
    if (!GetToken()) return;
    if (const Duration wait = context_.limiter->TryTake(options_.buckets); wait > Duration(0)) {
      batch->not_before = now + wait;
      return;
    }
    Send(*batch);
  }
}

bool BatchDelivery::GetToken() {
  if (token_asked_ || token_not_before_ > context_.clock->Steady()) return false;
  if (!next_token_) {
    token_asked_ = true;
    context_.token(refused_token_, [answers = answers_](Result<std::string> token) {
      const MutexLock lock(answers->mutex);
      answers->token = std::move(token);
      answers->come.notify_all();
    });
    std::optional<Result<std::string>> token;
    {
      const MutexLock lock(answers_->mutex);
      token.swap(answers_->token);  // mostly it is known
    }
    if (token) TakeToken(*std::move(token));
  }
  if (!next_token_) return false;
  token_ = *std::exchange(next_token_, std::nullopt);
  return true;
}

void BatchDelivery::TakeToken(Result<std::string> token) {
  token_asked_ = false;
  if (token.ok()) {
    next_token_ = *std::move(token);
    token_backoff_.Reset();
    refused_token_.clear();
    context_.token_trouble->Passed(this);
    return;
  }
  const std::string& why = token.status().message();
  if (token.status().error_class() != ErrorClass::kRetryable) {
    context_.token_trouble->Forget(this);
    return Pause(kToken, refused_token_.empty() ? why : refused_why_ + "; " + why);
  }
  const auto now = context_.clock->Steady();
  if (token_backoff_.tries() == 0) token_failing_since_ = now;
  const Duration pause = token_backoff_.Next();
  token_not_before_ = now + pause;
  context_.token_trouble->Failed(
      this, {.error = why, .tries = token_backoff_.tries(), .pause = pause, .since = token_failing_since_});
}

void BatchDelivery::Send(Batch& batch) {
  batch.token = token_;
  if (!batch.first_sent) batch.first_sent = context_.clock->Steady();
  const auto done = [answers = answers_, sent = &batch](Result<ClientResponse> response) {
    const MutexLock lock(answers->mutex);
    answers->waiting.emplace_back(sent, std::move(response));
    answers->come.notify_all();
  };
  const Status sent = context_.client->Send(
      context_.api->Request(batch.group, batch.items(*batch.parts->Next()), batch.token), done);
  if (!sent.ok()) {
    Retry(batch, sent.message());
    return;
  }
  requests_.Add(1);
  batch.in_flight = true;
  ++in_flight_;
}

void BatchDelivery::Handle(Batch& batch, const Result<ClientResponse>& response) {
  if (!response.ok()) {
    Retry(batch, response.status().message());
    return;
  }
  const BatchVerdict verdict = context_.api->Judge(*response);
  if (verdict.kind != BatchVerdict::Kind::kRetry) context_.trouble->Passed(&batch);
  const std::string reason =
      WithoutSecrets(batch, verdict.said) + (verdict.advice.empty() ? "" : "; " + verdict.advice);
  switch (verdict.kind) {
    case BatchVerdict::Kind::kAccepted:
      return Accept(batch);
    case BatchVerdict::Kind::kRefused:
      return static_cast<std::int64_t>(verdict.of_items.size()) == batch.parts->Next()->count
                 ? SettleEach(batch, verdict.of_items)
                 : Refuse(batch, reason);
    case BatchVerdict::Kind::kUnauthorized:
      return WantAnotherToken(batch, reason);
    case BatchVerdict::Kind::kForbidden:
      return Forbid(batch, reason);
    case BatchVerdict::Kind::kBlocked:
      return WaitLong(batch, reason);
    case BatchVerdict::Kind::kRetry:
      return RetryLater(batch, *response, reason);
  }
}

void BatchDelivery::Accept(Batch& batch) {
  Resume();
  batch.backoff.Reset();
  batch.token_replaced = false;
  batch.forbidden = false;
  refused_in_row_ = 0;
  context_.let_in->Note(batch.group);
  for (const auto& other : closed_) {
    if (other->forbidden) other->not_before = {};  // now it is known that it is this group alone
  }
  const BatchBisection::Part part = *batch.parts->Next();
  outcome_.accepted += part.count;
  for (const std::string_view item : batch.items(part))
    outcome_.bytes += static_cast<std::int64_t>(item.size());
  batch.parts->Accepted();
}

void BatchDelivery::Refuse(Batch& batch, std::string reason) {
  const BatchBisection::Part part = *batch.parts->Next();
  const std::int64_t most = options_.most_refused_in_row;
  if (part.count == 1 && options_.refused_alike && refused_last_ != reason) refused_in_row_ = 0;
  if (part.count == 1 && most > 0 && refused_in_row_ >= most) {
    return Pause(kRefusals,
                 reason + "; " + std::to_string(most) + " before it were refused one after the other" +
                     (options_.refused_alike ? ", each for that" : "") + ", so it is not what is sent");
  }
  Resume();
  batch.backoff.Reset();
  if (part.count == 1) {
    refused_last_ = reason;
    outcome_.refused.push_back({batch.ids[static_cast<std::size_t>(part.begin)], std::move(reason)});
    ++refused_in_row_;
  }
  batch.parts->Refused();
}

void BatchDelivery::SettleEach(Batch& batch, const std::vector<std::string>& of_items) {
  Resume();
  batch.backoff.Reset();
  const auto begin = static_cast<std::size_t>(batch.parts->Next()->begin);
  for (std::size_t i = 0; i < of_items.size(); ++i) {
    if (of_items[i].empty()) {
      refused_in_row_ = 0;
      ++outcome_.accepted;
      outcome_.bytes += static_cast<std::int64_t>(batch.views[begin + i].size());
    } else {
      outcome_.refused.push_back({batch.ids[begin + i], WithoutSecrets(batch, of_items[i])});
    }
  }
  batch.parts->Accepted();  // settled: there is nothing to look for in it
}

std::string BatchDelivery::WithoutSecrets(const Batch& batch, std::string_view said) const {
  return Redactor({batch.token}).Excerpt(context_.client->redactor()(said), kMostSaid);
}

void BatchDelivery::RetryLater(Batch& batch, const ClientResponse& response, const std::string& why) {
  const std::string* const asked = FindHeader(response.headers, "Retry-After");
  const Duration pause =
      Retry(batch, why, asked == nullptr ? std::nullopt : RetryAfter(*asked, context_.clock->Now()));
  if (response.status == kTooManyRequests) context_.limiter->Pause(options_.paused_bucket, pause);
}

Duration BatchDelivery::Retry(Batch& batch, std::string_view why, std::optional<Duration> asked) {
  retries_.Add(1);
  const Duration pause = batch.backoff.Next(asked);
  batch.not_before = context_.clock->Steady() + pause;
  context_.trouble->Failed(
      &batch, {.error = why, .tries = batch.backoff.tries(), .pause = pause, .since = *batch.first_sent});
  return pause;
}

void BatchDelivery::WantAnotherToken(Batch& batch, const std::string& why) {
  retries_.Add(1);
  if (batch.token != token_) return;  // it was replaced meanwhile, or will be
  if (std::exchange(batch.token_replaced, true)) return Pause(kToken, why);
  refused_token_ = std::exchange(token_, "");
  refused_why_ = why;
}

void BatchDelivery::Pause(const std::string& cause, const std::string& why) {
  paused_until_ = context_.clock->Steady() + options_.pause;
  // Perhaps there is a better one by then, and if not, it may be replaced again.
  token_.clear();
  next_token_.reset();
  refused_token_.clear();
  for (const auto& batch : closed_) batch->token_replaced = false;
  ShowPause(cause, why);
}

Gauge& BatchDelivery::PausedBy(const std::string& cause) {
  return context_.metrics->GetGauge("millrace_delivery_paused_by",
                                    "Tasks whose sink is paused, by what somebody has to correct.",
                                    {{"step", options_.step}, {"cause", cause}});
}

void BatchDelivery::ShowPause(const std::string& cause, const std::string& why) {
  if (paused_why_.empty()) paused_gauge_.Add(1);
  if (!paused_cause_.empty()) PausedBy(paused_cause_).Add(-1);
  paused_cause_ = cause;
  PausedBy(cause).Add(1);
  if (std::exchange(paused_why_, why) == why) return;
  Log(LogLevel::kError,
      "a service does not let us in; nothing is lost, and it is tried again at long intervals",
      {{"step", options_.step}, {"every_ms", options_.pause.count()}, {"error", why}});
}

void BatchDelivery::Forbid(Batch& batch, const std::string& why) {
  batch.forbidden = !context_.let_in->AnyBut(batch.group);
  if (batch.forbidden) return WaitLong(batch, why);
  const BatchBisection::Part part = *batch.parts->Next();
  for (std::int64_t item = part.begin; item < part.begin + part.count; ++item)
    outcome_.refused.push_back({batch.ids[static_cast<std::size_t>(item)], why + "; others are let in"});
  batch.parts->Accepted();  // settled: there is nothing to look for in it
}

void BatchDelivery::WaitLong(Batch& batch, const std::string& why) {
  batch.not_before = context_.clock->Steady() + options_.pause;
  ShowPause(kRight, why);
}

void BatchDelivery::Resume() {
  if (paused_why_.empty()) return;
  paused_why_.clear();
  PausedBy(std::exchange(paused_cause_, "")).Add(-1);
  paused_gauge_.Add(-1);
}

}  // namespace millrace
