#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace millrace {

/// Access tokens of Snap that are replaced before they expire, by the refresh-token grant of OAuth 2.
struct SnapchatOAuth {
  /// Of the OAuth app; its secret is shown nowhere.
  std::string client_id = {};
  std::string client_secret = {};
  /// Shown nowhere.
  std::string refresh_token = {};
  /// Another server, for tests.
  std::string token_url = "https://accounts.snapchat.com/login/oauth2/access_token";
};

/// A segment (customer list) of an ad account: by its id, or by its name.
struct SnapchatSegment {
  /// Exactly one of the two.
  std::string id = {};
  std::string name = {};
  /// With `name`: makes it when there is none, with these two.
  bool create = false;
  std::string description = {};
  /// 9,999 is for ever.
  std::int64_t retention_in_days = 9'999;
};

/// Which repeats of conversion events are not sent: those of an event that was sent, with the same asset,
/// name and `event_id`, and those of a PURCHASE that was sent, with the same asset and `order_id`, whose
/// event times are less than this away from its own. `std::nullopt`: repeats are sent.
struct SnapchatDeduplicate {
  /// How far apart, by each of the two.
  std::optional<std::chrono::milliseconds> event_id = std::chrono::hours(48);
  std::optional<std::chrono::milliseconds> order_id = std::chrono::hours(30 * 24);
};

}  // namespace millrace
