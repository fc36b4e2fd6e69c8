#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/byte_size.h"
#include "base/duration.h"
#include "base/ids.h"
#include "plan/plan_expr.h"
#include "plan/snapchat_access.h"

namespace millrace {

inline constexpr const char* kMarketingUrl = "https://adsapi.snapchat.com";
inline constexpr const char* kProfileUrl = "https://businessapi.snapchat.com";

/// Organisations, ad accounts and what these have.
struct SnapchatEntitiesSource {
  SnapchatAccess access{.url = kMarketingUrl};
  std::string organization_id;              ///< "": all that the token sees
  std::vector<std::string> ad_account_ids;  ///< empty: all of the organisations
  std::vector<std::string> entities{"organizations", "ad_accounts", "campaigns",
                                    "ad_squads",     "ads",         "creatives"};
  Duration every{3'600'000};
};

/// Statistics of ad accounts.
struct SnapchatStatsSource {
  SnapchatAccess access{.url = kMarketingUrl};
  std::vector<std::string> ad_account_ids;     ///< empty: all that the token sees
  std::string level = "campaign";              ///< account | campaign | ad_squad | ad
  std::string granularity = "day";             ///< hour | day | total | lifetime
  std::vector<std::string> report_dimension;   ///< "country" and so on, each a column; empty: whole figures
  std::vector<std::string> fields;             ///< empty: see StatsFieldsOf
  std::shared_ptr<arrow::Schema> more_fields;  ///< that Millrace does not know; null: none
  std::optional<EventTime> since;              ///< nullopt: 30 days before the first start
  Duration lookback{48LL * 3'600'000};
  Duration every{900'000};
  std::string swipe_up_attribution_window;  ///< "": Snap's default, as the next two
  std::string view_attribution_window;
  std::string action_report_time;
};

/// Public profiles, what they show, and their statistics.
struct SnapchatProfileSource {
  SnapchatAccess access{.url = kProfileUrl};
  std::string organization_id;           ///< "": all that the token sees
  std::vector<std::string> profile_ids;  ///< empty: all of the organisation, or that the token sees
  std::vector<std::string> content{"profiles", "stories", "saved_stories", "spotlights", "stats"};
  std::string granularity = "day";        ///< of statistics: day | lifetime
  std::shared_ptr<arrow::Schema> fields;  ///< of statistics; null: no columns of their own
  std::optional<EventTime> since;         ///< of statistics; nullopt: 30 days before the first start
  Duration lookback{48LL * 3'600'000};
  Duration every{900'000};
};

/// What Snap's lead forms send to a webhook.
struct SnapchatLeadsSource {
  std::string listen;
  std::string path = "/leads";
  std::string secret;                ///< secret
  std::string header;                ///< of requests, with the signature
  std::string algorithm = "sha256";  ///< sha1 | sha256 | sha512
  std::string encoding = "hex";      ///< hex | base64
  std::string prefix;                ///< what stands before the signature
  ByteCount max_body{64LL << 10};
  std::vector<std::string> hash;                ///< fields of the person
  Duration deduplicate{30LL * 24 * 3'600'000};  ///< 0: repeats pass
  std::string certificate_file;                 ///< PEM, as key_file; "": HTTP
  std::string key_file;
};

/// A source outside Kafka, whose rows come through a topic that the pipeline makes for itself.
using OutsideSource =
    std::variant<SnapchatEntitiesSource, SnapchatStatsSource, SnapchatLeadsSource, SnapchatProfileSource>;

struct KafkaSource {
  std::string topic;
  std::string format = "json";            ///< json | string | bytes
  std::string key_format = "string";      ///< string | json | bytes
  std::string key;                        ///< the message key is this column (K2): "" when not declared
  std::optional<PlanExpr> timestamp;      ///< event time (T1), of the columns; nullopt: the Kafka timestamp
  std::shared_ptr<arrow::Schema> schema;  ///< null: inferred (R7)
  std::string offset_reset = "earliest";  ///< earliest | latest | error
  std::string extra;                      ///< "keep": unknown JSON fields go to a column `_extra`
  /// What brings the records; the rest is then as DeclareFeeds says. Null: somebody else does.
  std::shared_ptr<const OutsideSource> outside = nullptr;
};

}  // namespace millrace
