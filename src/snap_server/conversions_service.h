#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/byte_size.h"
#include "env/clock.h"
#include "snap_server/field_kinds.h"
#include "snap_server/received_events.h"
#include "snap_server/router.h"

namespace millrace::snap {

struct ConversionsOptions {
  std::vector<std::string> assets{};     ///< pixels and apps that there are; empty: any
  std::vector<std::string> forbidden{};  ///< that the token has no right to
  /// Of one request. Snap publishes none; others stay below 1 MB.
  ByteCount max_body{4 << 20};
};

/// The Conversions API, version 3: takes events, refuses the whole request for one that is bad, and answers
/// what the test tool shows. One owner.
class ConversionsService {
 public:
  static constexpr std::size_t kMaxEvents = 2'000;  ///< of a request
  static constexpr std::size_t kMaxLogged = 1'000;  ///< events that were validated
  static constexpr std::size_t kMaxAssets = 1'000;  ///< that activity is kept of

  /// `clock` and `received` must outlive it.
  ConversionsService(ConversionsOptions options, const Clock& clock, ReceivedEvents& received);

  void AddRoutes(Router* router);
  void Clear();

 private:
  /// Events by minute, for the last hour.
  struct Activity {
    std::map<std::int64_t, std::int64_t> by_minute;
    std::int64_t latest_ms = 0;
  };
  struct Asset {
    Activity test;
    Activity live;
  };
  struct Logged {
    EventTime at;
    std::string asset;
    json::object entry;
  };

  HttpResponse TakeEvents(const ApiRequest& request);
  HttpResponse Validate(const ApiRequest& request);
  HttpResponse Logs(const ApiRequest& request) const;
  HttpResponse Stats(const ApiRequest& request) const;
  /// Of the request as a whole; none when its events can be looked at.
  std::optional<Refusal> RefuseWhole(const ApiRequest& request) const;
  void NoteActivity(const std::string& asset, bool test, std::size_t events);
  void LogValidated(const std::string& asset, const json::value& event, const Findings& findings);
  json::object Recent(const Activity& activity) const;

  const ConversionsOptions options_;
  const Clock& clock_;
  ReceivedEvents& received_;
  std::map<std::string, Asset, std::less<>> assets_;
  std::deque<Logged> validated_;
};

}  // namespace millrace::snap
