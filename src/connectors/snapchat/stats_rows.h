#pragma once

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "base/ids.h"
#include "connect/feed.h"
#include "connectors/snapchat/stats_slices.h"

namespace millrace {

/// How the values of a metric are written.
enum class StatsValue {
  kWhole,   ///< a whole number
  kNumber,  ///< as it came
  kMoney,   ///< micro-currency that becomes currency
};

struct StatsField {
  std::string name;
  StatsValue value = StatsValue::kWhole;
};

/// What the rows of one answer have in common.
struct StatsRowsOf {
  std::string ad_account_id;
  std::string currency;
  std::string level;  ///< "account", "campaign", "ad_squad" or "ad"
  StatsGranularity granularity = StatsGranularity::kDay;
  std::vector<StatsField> fields{};
  std::vector<std::string> dimensions{};  ///< along which the figures are divided
  EventTime start{0};                     ///< of rows that do not say it
};

/// "hour", "day", "total", "lifetime".
std::string StatsGranularityName(StatsGranularity granularity);

struct StatsPage {
  std::vector<FeedRecord> records;
  std::string next;   ///< address of the next page; "" on the last one
  bool whole = true;  ///< false: Snap left something out
};

/// The rows of an answer: a record per entity and stretch of time, with the key
/// "<level>/<id>/<granularity>/<start>", which a later answer about the same replaces. With dimensions a
/// record per value of them, with "/<dimension>=<value>" behind the key for each.
StatsPage ReadStatsPage(const StatsRowsOf& of, const boost::json::object& body);

}  // namespace millrace
