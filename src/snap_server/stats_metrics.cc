#include "snap_server/stats_metrics.h"

#include <algorithm>

namespace millrace::snap {
namespace {

constexpr Metric kMetrics[] = {
    {"impressions", MetricForm::kImpressions},
    {"paid_impressions", MetricForm::kShare, 950},
    {"total_impressions", MetricForm::kShare, 1'050},
    {"earned_impressions", MetricForm::kShare, 50},
    {"swipes", MetricForm::kShare, 12},
    {"spend", MetricForm::kShare, 4'000'000},  // micro-currency
    {"quartile_1", MetricForm::kShare, 400},
    {"quartile_2", MetricForm::kShare, 300},
    {"quartile_3", MetricForm::kShare, 220},
    {"view_completion", MetricForm::kShare, 150},
    {"video_views", MetricForm::kShare, 350},
    {"video_views_time_based", MetricForm::kShare, 340},
    {"video_views_15s", MetricForm::kShare, 90},
    {"screen_time_millis", MetricForm::kShare, 2'100'000},
    {"view_time_millis", MetricForm::kShare, 1'900'000},
    {"play_time_millis", MetricForm::kShare, 1'800'000},
    {"shares", MetricForm::kShare, 2},
    {"saves", MetricForm::kShare, 3},
    {"story_opens", MetricForm::kShare, 20},
    {"story_completes", MetricForm::kShare, 6},
    {"native_leads", MetricForm::kShare, 1},
    {"total_installs", MetricForm::kShare, 4},
    {"android_installs", MetricForm::kShare, 2},
    {"ios_installs", MetricForm::kShare, 2},
    {"attachment_impressions", MetricForm::kShare, 12},
    {"attachment_quartile_1", MetricForm::kShare, 8},
    {"attachment_quartile_2", MetricForm::kShare, 6},
    {"attachment_quartile_3", MetricForm::kShare, 4},
    {"attachment_view_completion", MetricForm::kShare, 3},
    {"attachment_total_view_time_millis", MetricForm::kShare, 60'000},
    {"attachment_avg_view_time_millis", MetricForm::kMean, 0, "attachment_total_view_time_millis"},
    {"avg_screen_time_millis", MetricForm::kMean, 0, "screen_time_millis"},
    {"avg_view_time_millis", MetricForm::kMean, 0, "view_time_millis"},
    {"swipe_up_percent", MetricForm::kMean, 0, "swipes"},
    {"uniques", MetricForm::kUniques},
    {"total_reach", MetricForm::kUniques},
    {"earned_reach", MetricForm::kUniques},
    {"attachment_uniques", MetricForm::kUniques},
    {"frequency", MetricForm::kFrequency},
    {"attachment_frequency", MetricForm::kFrequency},
};

}  // namespace

std::optional<Metric> FindMetric(std::string_view name) {
  for (const Metric& metric : kMetrics) {
    if (metric.name == name) return metric;
  }
  if (name == "conversion_purchases_value") return Metric{name, MetricForm::kShare, 45'000'000};
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (plain && name.starts_with("conversion_")) return Metric{name, MetricForm::kShare, 3};
  return std::nullopt;
}

bool CountsPeople(const Metric& metric) {
  return metric.form == MetricForm::kUniques || metric.form == MetricForm::kFrequency;
}

}  // namespace millrace::snap
