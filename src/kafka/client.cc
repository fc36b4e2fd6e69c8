#include "kafka/client.h"

#include <algorithm>
#include <array>
#include <utility>

#include <librdkafka/rdkafka.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mutex.h"
#include "env/crash_point.h"
#include "env/exhaustion.h"
#include "env/thread.h"
#include "kafka/certificate_refusal.h"
#include "kafka/error.h"

namespace millrace::kafka {
namespace {

constexpr std::chrono::seconds kLogErrorsEvery{10};
constexpr int kFirstAttemptMs = 1000;
constexpr int kLongestAttemptMs = 5000;

// Numbers of the Kafka protocol; librdkafka has no public names for them.
constexpr std::int16_t kFindCoordinator = 10;
constexpr std::int16_t kApiVersions = 18;
constexpr std::int16_t kConsumerGroupHeartbeat = 68;
constexpr std::int16_t kAddOffsetsToTxn = 25;
constexpr std::int16_t kEndTxn = 26;
constexpr std::int16_t kTxnOffsetCommit = 28;

bool BelongsToTransaction(std::int16_t api_key) {
  return api_key == kEndTxn || api_key == kAddOffsetsToTxn || api_key == kTxnOffsetCommit;
}

bool LosesAnswer(int code) {
  return code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__TIMED_OUT;
}

bool RefusesUs(int code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR__SSL:
      return true;
    default:
      return false;
  }
}

/// Takes `conf` when it succeeds.
Result<rd_kafka_t*> NewHandle(rd_kafka_type_t type, rd_kafka_conf_t* conf) {
  // One at a time, so that what there is room for is still there: without a thread of its own librdkafka
  // waits in here forever for that of the coordinator. It starts two; clients that were made before may
  // start those of their brokers meanwhile.
  static Mutex making;
  const MutexLock lock(making);
  constexpr int kFreeThreads = 8;
  if (!CanStartThreads(kFreeThreads)) EndForLackOfThreads("a Kafka client");
  std::array<char, 512> text{};
  rd_kafka_t* const handle = rd_kafka_new(type, conf, text.data(), text.size());
  if (handle != nullptr) return handle;
  if (rd_kafka_last_error() == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE) EndForLackOfThreads("a Kafka client");
  return Status::InvalidArgument(std::string("kafka: ") + text.data());
}

}  // namespace

struct Client::Callbacks {
  static void Log(const rd_kafka_t* handle, int level, const char* facility, const char* text) {
    constexpr int kCritical = 2;
    constexpr int kError = 3;
    constexpr int kWarning = 4;
    const std::string_view about = facility == nullptr ? "" : facility;
    // librdkafka goes on without the thread of a broker: it waits for it forever, or fails an assertion.
    if (about == "THREAD" && level <= kCritical)
      EndForLackOfThreads("a thread of the Kafka client " + std::string(rd_kafka_name(handle)));
    // Lost connections come again through the error callback, which says them once in a while and not per
    // attempt.
    // The user's section serves consumers and producers alike: a property of the other kind (CONFWARN) is no
    // mistake.
    // SSLCERTVRFY is said by CheckCertificate. GETPID says that a producer waits for its coordinator, which
    // passes.
    const bool hidden = about == "FAIL" || about == "ERROR" || about == "CONFWARN" || about == "GETPID" ||
                        about == "SSLCERTVRFY";
    const LogLevel ours = level <= kWarning && !hidden ? LogLevel::kWarning : LogLevel::kDebug;
    millrace::Log(ours, text,
                  {{"client", rd_kafka_name(handle)}, {"facility", about}, {"error", level <= kError}});
  }

  static void Error(rd_kafka_t* handle, int code, const char* reason, void* opaque) {
    auto& client = *static_cast<Client*>(opaque);
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
      std::array<char, 512> text{};
      code = rd_kafka_fatal_error(handle, text.data(), text.size());
      millrace::Log(LogLevel::kError, "Kafka client failed", {{"reason", text.data()}});
    }
    client.RememberError(code, reason == nullptr ? "" : reason);
  }

  /// Decides as OpenSSL has; librdkafka itself would only say that the check failed. On a thread of
  /// librdkafka.
  // NOLINTNEXTLINE(readability-function-size)
  static int CheckCertificate(rd_kafka_t* /*handle*/, const char* broker, std::int32_t /*id*/,
                              int* x509_error, int /*depth*/, const char* der, std::size_t size,
                              char* /*text*/, std::size_t /*text_size*/, void* opaque) {
    auto& client = *static_cast<Client*>(opaque);
    const MutexLock lock(client.mutex_);
    client.refused_certificate_ = *x509_error == 0 ? "" : DescribeRefusal(broker, *x509_error, {der, size});
    return *x509_error == 0 ? 1 : 0;
  }

  static void Rebalance(rd_kafka_t* /*handle*/, rd_kafka_resp_err_t code,
                        rd_kafka_topic_partition_list_t* partitions, void* opaque) {
    static_cast<Client*>(opaque)->hooks_->OnRebalance(code, partitions);
  }

  static void Delivery(rd_kafka_t* /*handle*/, const rd_kafka_message_t* message, void* opaque) {
    static_cast<Client*>(opaque)->hooks_->OnDelivery(*message);
  }

  static int Statistics(rd_kafka_t* /*handle*/, char* json, std::size_t size, void* opaque) {
    static_cast<Client*>(opaque)->hooks_->OnStatistics({json, size});
    return 0;  // librdkafka frees the text
  }

  static rd_kafka_resp_err_t OnNew(rd_kafka_t* handle, const rd_kafka_conf_t* /*conf*/, void* opaque,
                                   char* /*text*/, std::size_t /*size*/) {
    rd_kafka_interceptor_add_on_request_sent(handle, "millrace", OnRequestSent, opaque);
    rd_kafka_interceptor_add_on_response_received(handle, "millrace", OnResponseReceived, opaque);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }

  // The signatures are librdkafka's.
  // NOLINTNEXTLINE(readability-function-size)
  static rd_kafka_resp_err_t OnRequestSent(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t api_key,
                                           std::int16_t, std::int32_t, std::size_t, void* opaque) {
    if (api_key == kConsumerGroupHeartbeat)
      static_cast<Client*>(opaque)->join_requests_.heartbeat_sent = true;
    if (BelongsToTransaction(api_key)) {
      auto& requests = static_cast<Client*>(opaque)->transaction_requests_;
      ++requests.sent;
      if (api_key == kEndTxn) {
        ++requests.end_sent;
        CrashPoint("end_txn_sent");
      }
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }

  // NOLINTNEXTLINE(readability-function-size)
  static rd_kafka_resp_err_t OnResponseReceived(rd_kafka_t*, int, const char*, std::int32_t,
                                                std::int16_t api_key, std::int16_t, std::int32_t, std::size_t,
                                                std::int64_t, rd_kafka_resp_err_t error, void* opaque) {
    JoinRequests& join = static_cast<Client*>(opaque)->join_requests_;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && api_key == kFindCoordinator) join.coordinator_found = true;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && api_key == kApiVersions && join.coordinator_found) {
      join.coordinator_reached = true;
    }
    if (BelongsToTransaction(api_key) && LosesAnswer(error)) {
      ++static_cast<Client*>(opaque)->transaction_requests_.lost;
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
};

Result<std::unique_ptr<Client>> Client::Make(Role role, const ClientOptions& options, const Properties& fixed,
                                             ClientHooks* hooks) {
  MR_CHECK(options.clock != nullptr);
  Properties all_fixed = fixed;
  if (!options.client_id.empty()) all_fixed.emplace("client.id", options.client_id);
  MR_ASSIGN_OR_RETURN(ConfPointer conf, MakeConf(role, options.properties, all_fixed));
  std::unique_ptr<Client> client(new Client(options, hooks));
  client->is_consumer_ = role == Role::kGroupConsumer || role == Role::kReader;
  rd_kafka_conf_set_opaque(conf.get(), client.get());
  rd_kafka_conf_set_log_cb(conf.get(), &Callbacks::Log);
  rd_kafka_conf_set_error_cb(conf.get(), &Callbacks::Error);
  rd_kafka_conf_set_ssl_cert_verify_cb(conf.get(), &Callbacks::CheckCertificate);
  if (hooks != nullptr) {
    if (role == Role::kGroupConsumer) {
      rd_kafka_conf_set_rebalance_cb(conf.get(), &Callbacks::Rebalance);
      rd_kafka_conf_set_stats_cb(conf.get(), &Callbacks::Statistics);
    } else if (!client->is_consumer_) {
      rd_kafka_conf_set_dr_msg_cb(conf.get(), &Callbacks::Delivery);
    }
  }
  if (role == Role::kTransactionalProducer || role == Role::kGroupConsumer) {
    rd_kafka_conf_interceptor_add_on_new(conf.get(), "millrace", &Callbacks::OnNew, client.get());
  }

  const rd_kafka_type_t type = client->is_consumer_ ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER;
  MR_ASSIGN_OR_RETURN(client->handle_, NewHandle(type, conf.get()));
  static_cast<void>(conf.release());  // rd_kafka_new took it
  return client;
}

Client::~Client() {
  if (handle_ == nullptr) return;
  // Whoever wants to leave the group closes the consumer first; without that nothing may be called back any
  // more.
  if (is_consumer_) {
    rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  } else {
    rd_kafka_destroy(handle_);
  }
}

std::optional<std::string> Client::Property(const std::string& name) const {
  std::array<char, 512> value{};
  std::size_t size = value.size();
  if (rd_kafka_conf_get(rd_kafka_conf(handle_), name.c_str(), value.data(), &size) != RD_KAFKA_CONF_OK) {
    return std::nullopt;
  }
  return std::string(value.data());
}

void Client::RememberError(int code, std::string_view reason) {
  // "(after 0ms in state CONNECT, 3 identical error(s) suppressed)" tells a user nothing.
  if (const std::size_t detail = reason.rfind(" (after "); detail != reason.npos && reason.ends_with(')'))
    reason = reason.substr(0, detail);
  std::string text;
  {
    const MutexLock lock(mutex_);
    if (code == RD_KAFKA_RESP_ERR__SSL && !refused_certificate_.empty()) reason = refused_certificate_;
    // "All brokers down" follows the error that explains it.
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || last_code_ == 0) {
      last_code_ = code;
      last_reason_ = reason;
    }
    if (RefusesUs(code)) refusal_ = ToStatus(code, "Kafka", reason);
    const auto now = clock_.Steady();
    if (last_logged_.count() >= 0 && now - last_logged_ < kLogErrorsEvery) return;
    last_logged_ = now;
    text = last_reason_;
  }
  Log(LogLevel::kWarning, "Kafka broker problem",
      {{"client", handle_ == nullptr ? "" : rd_kafka_name(handle_)}, {"reason", text}});
}

void Client::ForgetError() {
  const MutexLock lock(mutex_);
  last_code_ = 0;
  last_reason_.clear();
  refusal_ = Status::Ok();
}

Status Client::LastError() const {
  const MutexLock lock(mutex_);
  return ToStatus(last_code_, "Kafka", last_reason_);
}

Status Client::Explain(Status status) const {
  if (status.code() == StatusCode::kPermissionDenied) {
    const MutexLock lock(mutex_);
    if (refused_certificate_.empty()) return status;
    return {status.code(), status.message() + " (" + refused_certificate_ + ")"};
  }
  if (status.code() != StatusCode::kTimeout && status.code() != StatusCode::kUnavailable) return status;
  const Status last = LastError();
  if (last.ok()) return status;
  const StatusCode code = last.code() == StatusCode::kPermissionDenied ? last.code() : status.code();
  return {code, status.message() + " (last error of a broker: " + last.message() + ")"};
}

Status Client::WaitForBroker(Duration timeout, const std::function<void(const Status&)>& on_attempt) {
  auto left = timeout.count();
  Status status = Status::Unavailable("no Kafka broker answered within " + FormatDuration(timeout));
  for (int attempt_ms = kFirstAttemptMs; left > 0; attempt_ms = std::min(2 * attempt_ms, kLongestAttemptMs)) {
    const auto this_ms = static_cast<int>(std::min<std::int64_t>(attempt_ms, left));
    const auto start = clock_.Steady();
    {
      const MutexLock lock(mutex_);
      last_logged_ = start;  // who waits says what is wrong
    }
    const rd_kafka_metadata_t* metadata = nullptr;
    const rd_kafka_resp_err_t error = rd_kafka_metadata(handle_, 0, nullptr, &metadata, this_ms);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      rd_kafka_metadata_destroy(metadata);
      return Status::Ok();
    }
    rd_kafka_poll(handle_, 0);  // serves the error callback
    const auto used = std::chrono::duration_cast<Duration>(clock_.Steady() - start).count();
    // What an attempt did not use is waited for, so that a broker that refuses at once is not asked in a
    // tight loop.
    if (used < this_ms) rd_kafka_poll(handle_, static_cast<int>(this_ms - used));
    left -= this_ms;
    const Status last = LastError();
    const Status reason = last.ok() ? ToStatus(error, "Kafka") : last;
    if (on_attempt) on_attempt(reason);
    status = Status::Unavailable("no Kafka broker answered within " + FormatDuration(timeout) + ": " +
                                 reason.message());
    const MutexLock lock(mutex_);
    if (!refusal_.ok()) return refusal_;
  }
  return status;
}

}  // namespace millrace::kafka
