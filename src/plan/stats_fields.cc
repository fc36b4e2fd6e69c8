#include "plan/stats_fields.h"

#include <algorithm>
#include <span>

namespace millrace {
namespace {

constexpr std::string_view kWhole = "int64";
constexpr std::string_view kNumber = "float64";
constexpr std::string_view kMoney = "decimal(20, 6)";

// Metrics as Snap's documentation of measurement calls them.
constexpr std::string_view kMoneyMetrics[] = {"spend",
                                              "conversion_purchases_value",
                                              "conversion_subscribe_value",
                                              "conversion_add_cart_value",
                                              "conversion_start_checkout_value",
                                              "conversion_view_content_value",
                                              "conversion_sign_ups_value",
                                              "conversion_app_opens_value"};

constexpr std::string_view kNumberMetrics[] = {"swipe_up_percent",
                                               "frequency",
                                               "attachment_frequency",
                                               "position_frequency",
                                               "position_swipe_up_percent",
                                               "avg_screen_time_millis",
                                               "avg_view_time_millis",
                                               "avg_position_screen_time_millis",
                                               "attachment_avg_view_time_millis",
                                               "avg_play_time_millis"};

constexpr std::string_view kWholeMetrics[] = {"impressions",
                                              "swipes",
                                              "paid_impressions",
                                              "earned_impressions",
                                              "total_impressions",
                                              "earned_reach",
                                              "total_reach",
                                              "uniques",
                                              "position_impressions",
                                              "position_uniques",
                                              "position_screen_time_millis",
                                              "attachment_impressions",
                                              "attachment_uniques",
                                              "attachment_quartile_1",
                                              "attachment_quartile_2",
                                              "attachment_quartile_3",
                                              "attachment_view_completion",
                                              "attachment_total_view_time_millis",
                                              "attachment_video_views",
                                              "quartile_1",
                                              "quartile_2",
                                              "quartile_3",
                                              "view_completion",
                                              "video_views",
                                              "video_views_time_based",
                                              "video_views_5s",
                                              "video_views_15s",
                                              "screen_time_millis",
                                              "view_time_millis",
                                              "play_time_millis",
                                              "saves",
                                              "shares",
                                              "story_opens",
                                              "story_completes",
                                              "total_installs",
                                              "android_installs",
                                              "ios_installs",
                                              "native_leads",
                                              "conversion_purchases",
                                              "conversion_save",
                                              "conversion_start_checkout",
                                              "conversion_add_cart",
                                              "conversion_view_content",
                                              "conversion_add_billing",
                                              "conversion_searches",
                                              "conversion_level_completes",
                                              "conversion_app_opens",
                                              "conversion_page_views",
                                              "conversion_sign_ups",
                                              "conversion_subscribe",
                                              "conversion_ad_click",
                                              "conversion_ad_view",
                                              "conversion_complete_tutorial",
                                              "conversion_invite",
                                              "conversion_login",
                                              "conversion_share",
                                              "conversion_reserve",
                                              "conversion_achievement_unlocked",
                                              "conversion_add_to_wishlist",
                                              "conversion_spend_credits",
                                              "conversion_rate",
                                              "conversion_start_trial",
                                              "conversion_list_view",
                                              "conversion_visit",
                                              "custom_event_1",
                                              "custom_event_2",
                                              "custom_event_3",
                                              "custom_event_4",
                                              "custom_event_5"};

struct Metrics {
  std::string_view type;
  std::span<const std::string_view> names;
};

constexpr Metrics kMetrics[] = {{kMoney, kMoneyMetrics}, {kNumber, kNumberMetrics}, {kWhole, kWholeMetrics}};

}  // namespace

std::string_view StatsFieldType(std::string_view name) {
  for (const Metrics& metrics : kMetrics) {
    if (std::find(metrics.names.begin(), metrics.names.end(), name) != metrics.names.end())
      return metrics.type;
  }
  return "";
}

std::vector<std::string> StatsFieldNames() {
  std::vector<std::string> names;
  for (const Metrics& metrics : kMetrics)
    names.insert(names.end(), metrics.names.begin(), metrics.names.end());
  return names;
}

}  // namespace millrace
