#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "millrace/snapchat_access.h"
#include "millrace/types.h"

namespace millrace {

/// Organisations, ad accounts and what these have, from Snap's Marketing API; docs/connectors/snapchat.md
/// says which columns: `app.From(SnapchatEntities{.access_token = token})`. Settings have the names and
/// defaults of the YAML.
struct SnapchatEntities {
  /// At most one of the two; all that the token sees without.
  std::string organization_id = {};
  std::vector<std::string> ad_account_ids = {};
  /// Default: organizations, ad_accounts, campaigns, ad_squads, ads and creatives.
  std::vector<std::string> entities = {};
  std::chrono::milliseconds every{std::chrono::hours(1)};
  /// Exactly one of the two. Shown nowhere.
  std::string access_token = {};
  std::optional<SnapchatOAuth> oauth = std::nullopt;
  /// Requests in a second with one token.
  std::int64_t per_second = 10;
  /// The app that the token is of, and requests in a second with all its tokens; by default the client_id, or
  /// one app for the url, and 20, or the highest per_second of its tokens.
  std::string app = {};
  std::optional<std::int64_t> app_per_second = std::nullopt;
  /// Another server, and the authorities of its certificate, for tests.
  std::string url = "https://adsapi.snapchat.com";
  std::string ca_file = {};
  /// Of the source, for topics, metrics and errors.
  std::string step_name = {};
};

/// Statistics of ad accounts, from Snap's Marketing API:
/// `app.From(SnapchatStats{.level = "ad", .report_dimension = {"country"}, .access_token = token})`. Settings
/// have the names and defaults of the YAML.
struct SnapchatStats {
  /// Empty: all that the token sees.
  std::vector<std::string> ad_account_ids = {};
  /// account, campaign, ad_squad or ad.
  std::string level = "campaign";
  /// hour, day, total or lifetime.
  std::string granularity = "day";
  /// Along which Snap divides the figures, each a column: country, region, dma, gender, age, os, make or
  /// lifestyle_category.
  std::vector<std::string> report_dimension = {};
  /// Metrics, and those that Millrace does not know, with their types. Default: impressions, swipes and
  /// spend.
  std::vector<std::string> fields = {};
  std::optional<Schema> more_fields = std::nullopt;
  /// Default: 30 days before the first start.
  std::optional<std::chrono::sys_time<std::chrono::milliseconds>> since = std::nullopt;
  std::chrono::milliseconds lookback{std::chrono::hours(48)};
  std::chrono::milliseconds every{std::chrono::minutes(15)};
  /// Snap's defaults when empty.
  std::string swipe_up_attribution_window = {};
  std::string view_attribution_window = {};
  std::string action_report_time = {};
  /// Exactly one of the two. Shown nowhere.
  std::string access_token = {};
  std::optional<SnapchatOAuth> oauth = std::nullopt;
  /// Requests in a second with one token.
  std::int64_t per_second = 10;
  /// The app that the token is of, and requests in a second with all its tokens; by default the client_id, or
  /// one app for the url, and 20, or the highest per_second of its tokens.
  std::string app = {};
  std::optional<std::int64_t> app_per_second = std::nullopt;
  /// Another server, and the authorities of its certificate, for tests.
  std::string url = "https://adsapi.snapchat.com";
  std::string ca_file = {};
  /// Of the source, for topics, metrics and errors.
  std::string step_name = {};
};

/// Public profiles, their stories, spotlights and statistics, from Snap's Public Profile API, which Snap
/// opens only to apps that it has allowed: `app.From(SnapchatProfile{.profile_ids = {id}, .oauth = oauth})`.
/// Settings have the names and defaults of the YAML.
struct SnapchatProfile {
  /// At most one of the two; all that the token sees without.
  std::string organization_id = {};
  std::vector<std::string> profile_ids = {};
  /// Default: profiles, stories, saved_stories, spotlights and stats; there is shared_snaps, too.
  std::vector<std::string> content = {};
  /// Of statistics: day or lifetime.
  std::string granularity = "day";
  /// Metrics that Snap is asked for, each a column of int64 or float64.
  std::optional<Schema> fields = std::nullopt;
  /// Default: 30 days before the first start.
  std::optional<std::chrono::sys_time<std::chrono::milliseconds>> since = std::nullopt;
  std::chrono::milliseconds lookback{std::chrono::hours(48)};
  std::chrono::milliseconds every{std::chrono::minutes(15)};
  /// Exactly one of the two. Shown nowhere.
  std::string access_token = {};
  std::optional<SnapchatOAuth> oauth = std::nullopt;
  /// Requests in a second with one token.
  std::int64_t per_second = 10;
  /// The app that the token is of, and requests in a second with all its tokens; by default the client_id, or
  /// one app for the url, and 20, or the highest per_second of its tokens.
  std::string app = {};
  std::optional<std::int64_t> app_per_second = std::nullopt;
  /// Another server, and the authorities of its certificate, for tests.
  std::string url = "https://businessapi.snapchat.com";
  std::string ca_file = {};
  /// Of the source, for topics, metrics and errors.
  std::string step_name = {};
};

/// PEM files for HTTPS.
struct SnapchatCertificate {
  /// The certificate and those between it and an authority.
  std::string certificate_file = {};
  std::string key_file = {};
};

/// The webhook of Snap's lead forms: every process of the pipeline listens, and a lead passes once:
/// `app.From(SnapchatLeads{.listen = ":8443", .secret = secret, .header = "X-Signature"})`. Settings have the
/// names and defaults of the YAML.
struct SnapchatLeads {
  /// Address and path that Snap's requests come to.
  std::string listen = {};
  std::string path = "/leads";
  /// `hmacSecret` of the integration. Shown nowhere.
  std::string secret = {};
  /// Of the requests, with the signature of the body.
  std::string header = {};
  /// sha256, sha1 or sha512.
  std::string algorithm = "sha256";
  /// hex or base64.
  std::string encoding = "hex";
  /// What stands before the signature in its header, such as "sha256=".
  std::string prefix = {};
  /// A larger request is answered with 413.
  std::int64_t max_body_bytes = std::int64_t{64} << 10U;
  /// Fields of the person, such as email, that are normalised and hashed before they are written anywhere.
  std::vector<std::string> hash = {};
  /// A lead that comes again within this time does not pass; zero: every request gives a row.
  std::chrono::milliseconds deduplicate{std::chrono::hours(30 * 24)};
  /// HTTP when absent.
  std::optional<SnapchatCertificate> tls = std::nullopt;
  /// Of the source, for topics, metrics and errors.
  std::string step_name = {};
};

}  // namespace millrace
