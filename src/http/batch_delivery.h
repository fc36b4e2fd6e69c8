#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_size.h"
#include "base/duration.h"
#include "base/metrics.h"
#include "base/result.h"
#include "env/clock.h"
#include "env/random.h"
#include "http/backoff.h"
#include "http/bisect.h"
#include "http/client.h"
#include "http/groups_let_in.h"
#include "http/rate_limit.h"
#include "http/token_fetch.h"
#include "http/trouble_log.h"

namespace millrace {

/// What the response to a batch means.
struct BatchVerdict {
  enum class Kind {
    kAccepted,
    kRefused,       ///< something in it is wrong, and would be again
    kRetry,         ///< the same again, later
    kUnauthorized,  ///< with another token
    kForbidden,     ///< nothing of this group is taken until somebody grants a right or corrects its name
    kBlocked,       ///< the same, and groups have nothing to do with it
  };
  Kind kind = Kind::kAccepted;
  /// All that the far side says of it, also secrets that it repeats.
  std::string said{};
  /// What is to be done about it.
  std::string advice{};
  /// Of kRefused, where the answer says so of each item, in their order: what is said of it, "" when nothing
  /// is wrong with it. Then no further request is needed to find the bad ones.
  std::vector<std::string> of_items{};
};

/// How batches of items become requests of one API. Immutable, thread-safe.
class BatchApi {
 public:
  virtual ~BatchApi() = default;
  virtual ClientRequest Request(const std::string& group, std::span<const std::string_view> items,
                                const std::string& token) const = 0;
  virtual BatchVerdict Judge(const ClientResponse& response) const = 0;
  /// Bytes that a body has beside its items and one byte between each two of them.
  virtual std::int64_t EnvelopeBytes() const = 0;
};

struct BatchDeliveryOptions {
  std::string step{};  ///< of the pipeline, for metrics and logs
  std::int64_t max_items = 2'000;
  ByteCount max_bytes{1 << 20};  ///< of a body, unless one item alone is larger
  std::int32_t max_in_flight = 4;
  /// Buckets of the rate limiter: each request takes one from all of them, and a 429 pauses one.
  std::vector<std::string> buckets{};
  std::string paused_bucket{};
  BackoffOptions backoff{};
  /// Between attempts while the far side does not let us in.
  Duration pause{60'000};
  /// When so many items were refused one after the other, and none accepted between, it is not the items: no
  /// further one is refused, and it pauses. 0: there is no such bound.
  std::int64_t most_refused_in_row = 0;
  /// Only refusals that say the same count as one row.
  bool refused_alike = false;
};

/// What the deliveries of a process share; all outlive them.
struct BatchDeliveryContext {
  const BatchApi* api = nullptr;
  HttpClient* client = nullptr;
  RateLimiter* limiter = nullptr;
  TokenFetch token{};
  GroupsLetIn* let_in = nullptr;
  const Clock* clock = nullptr;
  MetricRegistry* metrics = nullptr;
  TroubleLog* trouble = nullptr;        ///< with batches
  TroubleLog* token_trouble = nullptr;  ///< with getting a token
};

/// Sends items in batches, one group (a pixel, an account) per batch, several batches at once, until each
/// item was accepted or refused for good. A batch that is refused is cut in parts until the items are found
/// that it was refused for (BatchBisection). Whatever can pass is tried again for ever: 429, 5xx and broken
/// connections with exponential pauses; after a 401 once with another token, and then, as after a 403, at
/// long intervals, which is logged and counted as a pause. While the service takes items of other groups, a
/// group that it forbids is no reason to wait: its items are refused. What blocks the way for all of them is
/// waited out whatever was taken of others. A token is waited for like an answer: nothing blocks but Settle,
/// for as long as it is told.
///
/// Nothing happens but in calls of Add and Settle. One owner, one thread. Destruction forgets what is under
/// way.
class BatchDelivery {
 public:
  BatchDelivery(BatchDeliveryOptions options, BatchDeliveryContext context, Random random);
  ~BatchDelivery();
  BatchDelivery(const BatchDelivery&) = delete;
  BatchDelivery& operator=(const BatchDelivery&) = delete;

  /// Takes a copy of an item, called `id` in the outcome, and sends its batch when that is full.
  void Add(std::string_view group, std::string_view item, std::int64_t id);
  /// Sends the batches that are not full, too, and waits at most `wait` until all items have an outcome.
  bool Settle(Duration wait);

  struct Refused {
    std::int64_t id;
    std::string reason;
  };
  struct Outcome {
    std::int64_t accepted = 0;
    std::vector<Refused> refused;
    std::int64_t bytes = 0;  ///< of the accepted items
  };
  /// Of all items that have one and were not told of before.
  Outcome TakeOutcome();

 private:
  struct Batch;
  struct Answers;

  Batch& OpenBatch(std::string_view group);
  /// Nothing more comes to its open batch.
  void Close(std::string_view group);
  /// Handles what was answered and sends what may be sent.
  void Advance();
  void SendWhatMay();
  void Send(Batch& batch);
  /// Gets a token for the next request: false when that takes a while.
  bool GetToken();
  void TakeToken(Result<std::string> token);
  void Handle(Batch& batch, const Result<ClientResponse>& response);
  void Accept(Batch& batch);
  void Refuse(Batch& batch, std::string reason);
  /// Settles each item by what is said of it; "": taken.
  void SettleEach(Batch& batch, const std::vector<std::string>& of_items);
  /// As dead letters and logs may have it.
  std::string WithoutSecrets(const Batch& batch, std::string_view said) const;
  /// The pause before it.
  Duration Retry(Batch& batch, std::string_view why, std::optional<Duration> asked = std::nullopt);
  /// What the far side cannot take now.
  void RetryLater(Batch& batch, const ClientResponse& response, const std::string& why);
  void WantAnotherToken(Batch& batch, const std::string& why);
  void Forbid(Batch& batch, const std::string& why);
  /// Tries it again after a long pause.
  void WaitLong(Batch& batch, const std::string& why);
  /// Of a pause, as the metric names it: "token", "right" or "refusals".
  void Pause(const std::string& cause, const std::string& why);
  /// Says it, where it is something else than before.
  void ShowPause(const std::string& cause, const std::string& why);
  Gauge& PausedBy(const std::string& cause);
  void Resume();
  /// When something can be sent next; none when answers must come first.
  std::optional<std::chrono::nanoseconds> NextAttempt() const;

  const BatchDeliveryOptions options_;
  const BatchDeliveryContext context_;
  Random random_;
  Counter& requests_;
  Counter& retries_;
  Gauge& paused_gauge_;

  std::map<std::string, std::unique_ptr<Batch>, std::less<>> open_;  // by group
  std::list<std::unique_ptr<Batch>> closed_;                         // in the order of their first request
  std::int32_t in_flight_ = 0;
  Outcome outcome_;

  std::string token_;                      // of the last request; "" after it was refused
  std::optional<std::string> next_token_;  // for the next one
  bool token_asked_ = false;
  Backoff token_backoff_;
  std::chrono::nanoseconds token_not_before_{0};
  std::chrono::nanoseconds token_failing_since_{0};
  std::string refused_token_;  // for which another is wanted; "" when any will do
  std::string refused_why_;

  std::int64_t refused_in_row_ = 0;
  std::string refused_last_;  // what was said of it
  std::chrono::nanoseconds paused_until_{0};
  std::string paused_why_;  // "" when it is not
  std::string paused_cause_;

  std::shared_ptr<Answers> answers_;  // shared with callbacks, which may come after destruction
};

}  // namespace millrace
