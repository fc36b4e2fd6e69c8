#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "millrace/expression.h"
#include "millrace/snapchat_access.h"

namespace millrace {

/// Events of Snap's Conversions API, one per row; docs/connectors/snapchat.md says what becomes of them:
/// `orders.To(SnapchatConversions{.pixel_id = "...", .access_token = token, .map = {{"em", col("mail")}}})`.
/// Settings have the names and defaults of the YAML.
struct SnapchatConversions {
  /// Exactly one of the three says whose events they are.
  std::string pixel_id = {};
  std::string app_id = {};
  std::optional<Expression> asset_id = std::nullopt;
  /// Exactly one of the two. Shown nowhere.
  std::string access_token = {};
  std::optional<SnapchatOAuth> oauth = std::nullopt;
  /// By which Snap counts an event once; default: the place of its record.
  std::optional<Expression> event_id = std::nullopt;
  /// Fields that are not columns of their name, and fields that are not sent.
  std::vector<NamedExpression> map = {};
  std::vector<std::string> leave_out = {};
  /// Whether the person agreed, and what becomes of events without that: drop, LMU, LDU or opt_out.
  std::optional<Expression> consent = std::nullopt;
  std::string without_consent = "drop";
  /// Events that are older, or further ahead of the clock, are late: to the topic, or counted.
  std::chrono::milliseconds max_event_age{std::chrono::hours(7 * 24)};
  std::chrono::milliseconds max_event_ahead{std::chrono::hours(1)};
  std::string late_topic = {};
  /// Repeats that are not sent, where rows have such ids.
  SnapchatDeduplicate deduplicate = {};
  /// Of event_time as it is sent: s or ms.
  std::string time_unit = "s";
  /// How data_processing_options are sent: list (["LMU"]) or text ("['LMU']").
  std::string processing_options = "list";
  /// What an advertising id is called in user_data: madid or mobile_ad_id.
  std::string device_id = "madid";
  /// Where requests have the token: url (as access_token) or header (Authorization: Bearer).
  std::string token_in = "url";
  /// Bounds of a request, and the shortest time between two commits.
  std::int64_t batch_events = 2'000;
  std::int64_t batch_bytes = 1LL << 20;
  std::chrono::milliseconds linger{1'000};
  /// Requests in a second with one token, of all tasks of the process.
  std::int64_t per_second = 10;
  /// The app that the token is of, and requests in a second with all its tokens; by default the client_id, or
  /// one app for the url, and 20, or the highest per_second of its tokens.
  std::string app = {};
  std::optional<std::int64_t> app_per_second = std::nullopt;
  /// live, or validate: Snap checks the events and counts none.
  std::string mode = "live";
  std::string test_event_code = {};
  /// Another server, and the authorities of its certificate, for tests.
  std::string url = "https://tr.snapchat.com";
  std::string ca_file = {};
  /// Of the step, for metrics and errors.
  std::string step_name = {};
};

/// Members of a segment of Snap's Marketing API; each row adds somebody or removes them:
/// `people.To(SnapchatAudience{.segment = {.id = "..."}, .action = sql("case when member then 'add' else
/// 'remove' end"), .schema = "EMAIL_SHA256", .access_token = token})`. Settings have the names and defaults
/// of the YAML.
struct SnapchatAudience {
  /// Of the segment; needed for one by its name.
  std::string ad_account_id = {};
  SnapchatSegment segment = {};
  /// `"add"`, `"remove"`, or an expression that gives one of these texts for each row.
  Expression action = "add";
  /// EMAIL_SHA256, PHONE_SHA256 or MOBILE_AD_ID_SHA256.
  std::string schema = {};
  /// Default: the column em or email, ph or phone, madid or mobile_ad_id.
  std::optional<Expression> identifier = std::nullopt;
  /// Exactly one of the two. Shown nowhere.
  std::string access_token = {};
  std::optional<SnapchatOAuth> oauth = std::nullopt;
  /// Bounds of a request, and the shortest time between two commits.
  std::int64_t batch_identifiers = 100'000;
  std::int64_t batch_bytes = 1LL << 20;
  std::chrono::milliseconds linger{1'000};
  /// Requests in a second with one token, of all tasks of the process.
  std::int64_t per_second = 10;
  /// The app that the token is of, and requests in a second with all its tokens; by default the client_id, or
  /// one app for the url, and 20, or the highest per_second of its tokens.
  std::string app = {};
  std::optional<std::int64_t> app_per_second = std::nullopt;
  /// Another server, and the authorities of its certificate, for tests.
  std::string url = "https://adsapi.snapchat.com";
  std::string ca_file = {};
  /// Of the step, for metrics and errors.
  std::string step_name = {};
};

}  // namespace millrace
