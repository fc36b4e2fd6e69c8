#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/duration.h"
#include "base/metrics.h"
#include "base/result.h"
#include "connect/feed.h"
#include "connectors/snapchat/marketing_api.h"
#include "connectors/snapchat/stats_rows.h"
#include "env/clock.h"

namespace millrace {

struct StatsFeedOptions {
  std::string source{};  ///< its name
  MarketingAccess access{};
  std::vector<std::string> ad_account_ids{};  ///< empty: all accounts of the token
  std::string level = "campaign";             ///< "account", "campaign", "ad_squad" or "ad"
  StatsGranularity granularity = StatsGranularity::kDay;
  std::vector<StatsField> fields{};
  /// Along which Snap divides the figures: {"age", "gender"}.
  std::vector<std::string> dimensions{};
  /// Further parameters of requests: {"swipe_up_attribution_window", "28_DAY"}.
  std::vector<std::pair<std::string, std::string>> parameters{};
  std::optional<EventTime> since{};  ///< nullopt: 30 days before the first start
  Duration lookback{48LL * 3'600'000};
  Duration every{900'000};
};

/// Reads the statistics of ad accounts, from `since` to now, in stretches that Snap allows, and then over and
/// over those of days that Snap may still change: a day is read a last time `lookback` after its end in the
/// account's time zone. Brings rows that are new or another (ReadStatsPage).
///
/// What Snap refuses for one account is logged, counted and tried again in the next round; the others go on.
/// When a round brought nothing but refusals, and no account is known of which Snap gave something last, Next
/// says so and the next call begins anew.
///
/// Positions: one per account, granularity, level and dimensions: the first day that is still open, and the
/// stretch that comes next.
///
/// Errors of Make: user error for a ca_file that cannot be read. `clock` and `metrics` outlive the source.
Result<std::unique_ptr<FeedSource>> MakeStatsFeed(StatsFeedOptions options, const Clock& clock,
                                                  MetricRegistry& metrics);

}  // namespace millrace
