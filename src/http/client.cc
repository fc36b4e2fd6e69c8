#include "http/client.h"

#include <deque>
#include <map>
#include <utility>

#include "base/check.h"
#include "base/mutex.h"
#include "env/file.h"
#include "env/thread.h"
#include "http/curl_transfer.h"

namespace millrace {
namespace {

/// How long the thread sleeps when nothing happens on any connection; a new request wakes it.
constexpr int kIdlePollMs = 10'000;

struct Queued {
  ClientRequest request;
  HttpClient::Done done;
};

Status Stopped(const std::string& what) {
  return Status::Cancelled(what + ": the client was closed before the answer came");
}

}  // namespace

/// The thread that owns libcurl's multi handle and all transfers.
class HttpClient::Loop {
 public:
  explicit Loop(HttpClientOptions options)
      : options_(std::move(options)), redactor_(options_.secrets), multi_(curl_multi_init()) {
    MR_CHECK(multi_ != nullptr) << "libcurl has no memory";
    const long places = options_.max_in_flight;
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, places);
    thread_ = Thread("http-client", [this] { Run(); });
  }

  ~Loop() {
    {
      const MutexLock lock(mutex_);
      stop_ = true;
    }
    curl_multi_wakeup(multi_.get());
    thread_.Join();
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Status Send(ClientRequest request, Done done) {
    {
      const MutexLock lock(mutex_);
      if (queue_.size() >= static_cast<std::size_t>(options_.max_queued)) {
        return {StatusCode::kResourceExhausted, ErrorClass::kRetryable,
                std::to_string(queue_.size()) + " HTTP requests wait already; send more slowly"};
      }
      queue_.push_back({std::move(request), std::move(done)});
    }
    curl_multi_wakeup(multi_.get());
    return Status::Ok();
  }

  const Redactor& redactor() const { return redactor_; }

 private:
  void Run() {
    while (StartQueued()) {
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      // A callback may have sent more: then there is no time to sleep.
      if (FinishTransfers()) continue;
      curl_multi_poll(multi_.get(), nullptr, 0, kIdlePollMs, nullptr);
    }
    CancelAll();
  }

  /// Starts what has a place. False when the client stops.
  bool StartQueued() {
    while (true) {
      Queued next;
      {
        const MutexLock lock(mutex_);
        if (stop_) return false;
        if (queue_.empty() || running_.size() >= static_cast<std::size_t>(options_.max_in_flight))
          return true;
        next = std::move(queue_.front());
        queue_.pop_front();
      }
      auto transfer =
          std::make_unique<CurlTransfer>(std::move(next.request), std::move(next.done), TakeEasy());
      if (const Status prepared = transfer->Prepare(options_, redactor_); !prepared.ok()) {
        Finish(std::move(transfer), prepared);
        continue;
      }
      MR_CHECK(curl_multi_add_handle(multi_.get(), transfer->easy()) == CURLM_OK);
      CURL* const easy = transfer->easy();
      running_.emplace(easy, std::move(transfer));
    }
  }

  /// Whether there were any.
  bool FinishTransfers() {
    bool any = false;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      Finish(Remove(message->easy_handle), code);
      any = true;
    }
    return any;
  }

  std::unique_ptr<CurlTransfer> Remove(CURL* easy) {
    curl_multi_remove_handle(multi_.get(), easy);
    const auto found = running_.find(easy);
    MR_CHECK(found != running_.end());
    auto transfer = std::move(found->second);
    running_.erase(found);
    return transfer;
  }

  void Finish(std::unique_ptr<CurlTransfer> transfer, CURLcode code) {
    Result<ClientResponse> result = transfer->Outcome(code, options_, redactor_);
    Finish(std::move(transfer), std::move(result));
  }

  void Finish(std::unique_ptr<CurlTransfer> transfer, Result<ClientResponse> result) {
    const Done done = transfer->TakeDone();
    idle_.push_back(transfer->TakeEasy());
    transfer.reset();
    done(std::move(result));
  }

  void CancelAll() {
    while (!running_.empty()) {
      auto transfer = Remove(running_.begin()->first);
      const Status stopped = Stopped(redactor_(transfer->what()));
      Finish(std::move(transfer), stopped);
    }
    while (true) {
      Queued next;
      {
        const MutexLock lock(mutex_);
        if (queue_.empty()) return;
        next = std::move(queue_.front());
        queue_.pop_front();
      }
      next.done(Stopped(redactor_(next.request.method + " " + next.request.url)));
    }
  }

  EasyHandle TakeEasy() {
    if (idle_.empty()) return EasyHandle(curl_easy_init());
    EasyHandle easy = std::move(idle_.back());
    idle_.pop_back();
    return easy;
  }

  struct Cleanup {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
  };

  // Constant after construction.
  const HttpClientOptions options_;
  const Redactor redactor_;
  const std::unique_ptr<CURLM, Cleanup> multi_;

  // Owned by the thread. At most max_in_flight handles in all.
  std::vector<EasyHandle> idle_;
  std::map<CURL*, std::unique_ptr<CurlTransfer>> running_;

  Mutex mutex_;
  std::deque<Queued> queue_;  // guarded by mutex_
  bool stop_ = false;         // guarded by mutex_

  Thread thread_;  // last: begins when all else is there
};

HttpClient::HttpClient(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::Start(HttpClientOptions options) {
  MR_CHECK(options.max_in_flight > 0 && options.max_queued > 0);
  static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
  MR_CHECK(kReady == CURLE_OK) << curl_easy_strerror(kReady);
  if (!options.ca_file.empty()) {
    if (const auto content = ReadFile(options.ca_file); !content.ok()) {
      return Status::InvalidArgument("cannot read the certificates of authorities: " +
                                     content.status().message() + "; give a PEM file that can be read");
    }
  }
  return std::unique_ptr<HttpClient>(new HttpClient(std::make_unique<Loop>(std::move(options))));
}

Status HttpClient::Send(ClientRequest request, Done done) {
  return loop_->Send(std::move(request), std::move(done));
}

Result<ClientResponse> HttpClient::Call(ClientRequest request) {
  Mutex mutex;
  ConditionVariable arrived;
  std::optional<Result<ClientResponse>> answer;
  MR_RETURN_IF_ERROR(Send(std::move(request), [&](Result<ClientResponse> result) {
    const MutexLock lock(mutex);
    answer = std::move(result);
    arrived.notify_one();  // under the lock: the waiter owns the condition
  }));
  MutexLock lock(mutex);
  arrived.wait(lock, [&] { return answer.has_value(); });
  return *std::move(answer);
}

const Redactor& HttpClient::redactor() const { return loop_->redactor(); }

}  // namespace millrace
