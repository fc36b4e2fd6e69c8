#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/byte_size.h"
#include "base/duration.h"
#include "millrace/snapchat_access.h"
#include "plan/plan_expr.h"
#include "plan/snapchat_access.h"

namespace millrace {

struct KafkaSink {
  std::string topic;
  std::string format = "json";
  std::vector<std::string> key;  ///< key columns; empty: the row's key bytes
  std::string key_format = "string";
  std::int32_t partitions = 0;  ///< for creation; 0 = the source's count
};
struct ParquetSink {
  std::string path;
  std::vector<PlanExpr> partition_by;
  Duration roll{30'000};
  ByteCount roll_bytes{128LL << 20};
};
struct IpcSink {
  std::string path;
  std::vector<PlanExpr> partition_by;
  Duration roll{30'000};
  ByteCount roll_bytes{128LL << 20};
};
struct ConsoleSink {
  std::string format = "table";  ///< table | json
  std::int64_t limit = 0;        ///< rows to print; 0 = all
};

/// Events of Snap's Conversions API, one per row.
struct SnapchatConversionsSink {
  /// Exactly one of the three says whose events they are: a pixel, an app, or whichever the expression names.
  std::string pixel_id;
  std::string app_id;
  std::optional<PlanExpr> asset_id;
  SnapchatAccess access{.url = "https://tr.snapchat.com"};
  std::vector<std::pair<std::string, PlanExpr>> map;  ///< fields of events that are not columns of their name
  std::vector<std::string> leave_out;    ///< fields that are not sent, whatever columns there are
  std::optional<PlanExpr> consent;       ///< of the person; nullopt: nobody is asked
  std::string without_consent = "drop";  ///< drop | LMU | LDU | opt_out, of events without it
  Duration max_event_age{7LL * 24 * 3'600'000};
  Duration max_event_ahead{3'600'000};
  std::string late_topic;                   ///< events out of that time; "": they are counted
  bool late_to_dead_letters = false;        ///< as that of WindowStep
  SnapchatDeduplicate deduplicate;          ///< repeats that are not sent, where rows have such ids
  std::string time_unit = "s";              ///< s | ms, of event_time as it is sent
  std::string processing_options = "list";  ///< list | text, of data_processing_options as they are sent
  std::string device_id = "madid";          ///< madid | mobile_ad_id, as user_data has it
  std::string token_in = "url";             ///< url | header, of requests
  std::int64_t batch_events = 2'000;
  ByteCount batch_bytes{1LL << 20};
  Duration linger{1'000};     ///< the shortest time between two checkpoints, each of which sends everything
  std::string mode = "live";  ///< live | validate
  std::string test_event_code;
};

/// Members of a segment (a customer list) of Snap's Marketing API.
struct SnapchatAudienceSink {
  std::string ad_account_id;  ///< "" only with the id of a segment
  SnapchatSegment segment;
  std::string schema = "EMAIL_SHA256";  ///< EMAIL_SHA256 | PHONE_SHA256 | MOBILE_AD_ID_SHA256
  std::optional<PlanExpr> identifier;   ///< nullopt: a column that is called as the schema suggests
  /// Exactly one of the two: the same for all rows (add | remove), or what the expression gives.
  std::string action;
  std::optional<PlanExpr> action_of_row;
  SnapchatAccess access{.url = "https://adsapi.snapchat.com"};
  std::int64_t batch_identifiers = 100'000;
  ByteCount batch_bytes{1LL << 20};
  Duration linger{1'000};  ///< the shortest time between two checkpoints, each of which sends everything
};

/// A sink with its optional `where`.
struct SinkNode {
  std::optional<PlanExpr> where;
  std::variant<KafkaSink, ParquetSink, IpcSink, ConsoleSink, SnapchatConversionsSink, SnapchatAudienceSink>
      sink;
};

}  // namespace millrace
