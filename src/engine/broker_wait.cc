#include "engine/broker_wait.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"

namespace millrace {
namespace {

constexpr Duration kAttempt{1'000};
constexpr Duration kBetweenLines{5'000};

/// To the second, as nobody waits for less.
std::string Seconds(std::chrono::nanoseconds time) {
  return FormatDuration(std::chrono::round<std::chrono::seconds>(time));
}

/// The reason without the time-out of the single attempt.
std::string Reason(const Status& status) {
  const std::string& message = status.message();
  const std::size_t colon = message.find(": ");
  return message.starts_with("no Kafka broker answered") && colon != std::string::npos
             ? message.substr(colon + 2)
             : message;
}

}  // namespace

Status AwaitBroker(KafkaCluster& cluster, Duration timeout, const Clock& clock,
                   const std::function<bool()>& stopped) {
  const auto begin = clock.Steady();
  auto quiet_until = begin;
  for (int attempts = 1;; ++attempts) {
    const auto left = std::chrono::ceil<Duration>(timeout - (clock.Steady() - begin));
    const Status status = cluster.WaitForBroker(std::clamp(left, Duration(1), kAttempt), nullptr);
    if (status.ok() || status.code() != StatusCode::kUnavailable) return status;
    if (stopped()) return Status::Cancelled("stopped while waiting for a broker");
    if (left <= kAttempt) {
      return Status::Unavailable("no Kafka broker answered within " + FormatDuration(timeout) + ": " +
                                 Reason(status));
    }
    if (clock.Steady() >= quiet_until) {
      const auto waited = clock.Steady() - begin;
      Log(LogLevel::kWarning, "no broker answers; trying again",
          {{"brokers", cluster.bootstrap()},
           {"attempts", attempts},
           {"waited", Seconds(waited)},
           {"left", Seconds(timeout - waited)},
           {"reason", Reason(status)}});
      quiet_until = clock.Steady() + kBetweenLines;
    }
  }
}

}  // namespace millrace
