#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "base/mutex.h"
#include "http/client.h"
#include "http/header.h"
#include "snap_server/json_value.h"
#include "snap_server/timetable.h"

namespace millrace::snap {

/// A lead on its way to a webhook.
struct OutgoingLead {
  std::string lead_id;
  std::string url;
  std::string body;
  HttpHeaders headers;
  std::int32_t tries = 0;
  std::int64_t generation = 0;  ///< set by LeadDelivery
};

/// Posts leads until they are answered with 200, several at once, with growing pauses between the tries of
/// one. Thread-safe. Stop comes before the destruction of the client or the timetable.
class LeadDelivery {
 public:
  static constexpr std::int32_t kMaxInFlight = 8;
  static constexpr std::size_t kMaxWaiting = 100'000;
  /// Leads whose outcome is kept.
  static constexpr std::size_t kMaxKept = 100'000;

  /// Both must outlive it.
  LeadDelivery(HttpClient& client, Timetable& timetable) : client_(client), timetable_(timetable) {}

  /// Errors: kResourceExhausted when kMaxWaiting leads wait already.
  Status Add(OutgoingLead lead);
  /// Nothing is sent any more.
  void Stop();
  /// Forgets what waits and what was delivered.
  void Clear();

  /// {"sent", "delivered", "pending", "tries", "leads": [{"lead_id", "delivered", "tries"}]}, of the newest
  /// `limit` leads.
  json::object Received(std::size_t limit) const;

 private:
  struct Outcome {
    std::int64_t delivered = 0;  ///< times it was answered with 200
    std::int64_t tries = 0;
    int last_status = 0;  ///< 0: no answer
  };

  /// Sends what may be sent. Precondition: the lock is not held.
  void Pump();
  void Send(OutgoingLead lead);
  /// Takes note of a try, and of when there will be another one.
  void Finish(OutgoingLead lead, int status);
  void Again(OutgoingLead lead);
  void NoteTry(const OutgoingLead& lead, int status);  // precondition: the lock is held

  HttpClient& client_;
  Timetable& timetable_;
  mutable Mutex mutex_;
  std::deque<OutgoingLead> waiting_;  // guarded by mutex_, as all below
  std::int64_t pausing_ = 0;          // between two tries
  std::int32_t in_flight_ = 0;
  std::int64_t generation_ = 0;  // of Clear: what is older is forgotten
  bool stopped_ = false;
  std::map<std::string, Outcome> outcomes_;
  std::deque<std::string> order_;  // of outcomes_, the oldest first
  std::int64_t added_ = 0;
  std::int64_t delivered_ = 0;
  std::int64_t tries_ = 0;
};

}  // namespace millrace::snap
