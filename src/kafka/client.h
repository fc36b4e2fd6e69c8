#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/duration.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "env/clock.h"
#include "kafka/properties.h"

typedef struct rd_kafka_s rd_kafka_t;
typedef struct rd_kafka_message_s rd_kafka_message_t;
typedef struct rd_kafka_topic_partition_list_s rd_kafka_topic_partition_list_t;

namespace millrace::kafka {

/// What every client of one cluster shares.
struct ClientOptions {
  Properties properties;              ///< the user's; checked with CheckProperties
  std::string client_id;              ///< seen in the broker's logs and quotas
  const Clock* clock = nullptr;       ///< required; must outlive the client
  MetricRegistry* metrics = nullptr;  ///< optional; must outlive the client
};

/// What a client calls back, on the thread that polls it.
class ClientHooks {
 public:
  virtual ~ClientHooks() = default;
  virtual void OnRebalance(int /*code*/, rd_kafka_topic_partition_list_t* /*partitions*/) {}
  /// Each record written, or given up.
  virtual void OnDelivery(const rd_kafka_message_t& /*message*/) {}
  virtual void OnStatistics(std::string_view /*json*/) {}
};

/// What happened to the requests to the transaction coordinator since Reset. A request whose answer was lost
/// may still take effect later, so the producer must not go on (KAFKA-17754). Written by librdkafka's
/// threads.
struct TransactionRequests {
  std::atomic<int> sent{0};
  std::atomic<int> end_sent{0};  ///< of them, those that end the transaction
  std::atomic<int> lost{0};      ///< failed without an answer

  void Reset() { sent = end_sent = lost = 0; }
};

/// How far a member that uses the consumer protocol has come towards its first heartbeat. A broker that does
/// not know the heartbeat lets librdkafka wait for ever without a word. Written by librdkafka's threads.
struct JoinRequests {
  std::atomic<bool> coordinator_found{false};
  std::atomic<bool> coordinator_reached{false};  ///< a connection made since then works
  std::atomic<bool> heartbeat_sent{false};
};

/// One librdkafka handle: made, watched, destroyed. Forwards its log to ours and remembers the last error of
/// a broker, so that a timeout can say why. Thread-safe but for the hooks, which belong to the polling
/// thread.
class Client {
 public:
  /// `fixed` overrides the user's properties. `hooks` may be null, else it must outlive the client.
  /// Errors: user error for the configuration.
  static Result<std::unique_ptr<Client>> Make(Role role, const ClientOptions& options,
                                              const Properties& fixed, ClientHooks* hooks);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  rd_kafka_t* handle() const { return handle_; }
  /// The value that a property has in this client, defaults included; nullopt when it has none.
  std::optional<std::string> Property(const std::string& name) const;
  TransactionRequests& transaction_requests() { return transaction_requests_; }
  /// Of a group consumer.
  const JoinRequests& join_requests() const { return join_requests_; }

  /// Waits until a broker answers. After each failed attempt calls `on_attempt` (may be null) with the
  /// reason. Errors: kUnavailable after `timeout`; kPermissionDenied at once for refused credentials and
  /// failed TLS, with what to check, whatever other brokers say.
  Status WaitForBroker(Duration timeout, const std::function<void(const Status&)>& on_attempt);

  /// `status` with the last error of a broker added when it says more than "timed out".
  Status Explain(Status status) const;

  /// Called by librdkafka; also for our own errors of a broker.
  void RememberError(int code, std::string_view reason);
  /// The cluster has answered: what was remembered explains nothing that fails from now on.
  void ForgetError();

 private:
  struct Callbacks;
  Client(const ClientOptions& options, ClientHooks* hooks) : clock_(*options.clock), hooks_(hooks) {}
  Status LastError() const;

  const Clock& clock_;
  ClientHooks* const hooks_;
  rd_kafka_t* handle_ = nullptr;  // constant after Make
  bool is_consumer_ = false;      // constant after Make
  TransactionRequests transaction_requests_;
  JoinRequests join_requests_;

  mutable Mutex mutex_;
  int last_code_ = 0;        // guarded by mutex_
  std::string last_reason_;  // guarded by mutex_
  std::string
      refused_certificate_;  // guarded by mutex_; what is wrong with it; "" when the last one was good
  Status refusal_;           // guarded by mutex_; of credentials or TLS, until ForgetError
  std::chrono::nanoseconds last_logged_{-1};  // guarded by mutex_
};

}  // namespace millrace::kafka
