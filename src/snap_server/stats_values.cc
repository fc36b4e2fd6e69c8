#include "snap_server/stats_values.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "snap_server/mixed_hash.h"
#include "snap_server/stats_metrics.h"

namespace millrace::snap {
namespace {

constexpr std::int64_t kHour_ms = 3'600'000;
constexpr std::int64_t kRefresh_ms = 900'000;
constexpr std::int64_t kRestated_ms = 48 * kHour_ms;
/// Hours that began longer ago are final in every zone.
constexpr std::int64_t kSurelyFinal_ms = 4 * 24 * kHour_ms;

/// Hours of a zone may begin at half past; either way each begins in a half hour of its own.
std::uint64_t NumberOfHour(EventTime hour) {
  return static_cast<std::uint64_t>(hour.value() / (kHour_ms / 2));
}

/// What an ad delivered in an hour in the end.
struct Delivery {
  std::int64_t impressions;
  std::int64_t chance;  ///< from 0 to 999: decides what becomes of fractions

  std::int64_t Share(std::int64_t per_thousand) const {
    const std::int64_t thousandths = impressions * per_thousand;
    return thousandths / 1000 + (chance < thousandths % 1000 ? 1 : 0);
  }
};

Delivery FinalDelivery(std::uint64_t ad_hash, EventTime hour) {
  const std::uint64_t mixed = Mixed(ad_hash, NumberOfHour(hour));
  return {static_cast<std::int64_t>(20 + mixed % 400), static_cast<std::int64_t>((mixed >> 32U) % 1000)};
}

/// For 1,000 impressions: from half to one and a half of what is usual, another for each ad.
std::int64_t PerThousand(std::uint64_t ad_hash, const std::string& metric) {
  const std::int64_t usual = FindMetric(metric)->per_thousand;
  const double spread = 0.5 + Fraction(Mixed(ad_hash, HashOf(metric)));
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(usual) * spread));
}

std::int64_t Part(std::int64_t whole, double known) {
  return known >= 1 ? whole : static_cast<std::int64_t>(static_cast<double>(whole) * known);
}

}  // namespace

StatsValues::StatsValues(std::vector<std::string> fields, const TimeZone& zone, EventTime now)
    : fields_(std::move(fields)), zone_(zone), refreshed_(now.value() / kRefresh_ms * kRefresh_ms) {
  for (const std::string& field : fields_) {
    const Metric metric = *FindMetric(field);
    if (metric.form == MetricForm::kShare) sums_of_.push_back(field);
    if (metric.form == MetricForm::kMean) sums_of_.emplace_back(metric.of);
  }
}

EventTime StatsValues::final_until() const {
  return zone_.StartOfDay(EventTime(refreshed_.value() - kRestated_ms));
}

double StatsValues::Known(std::uint64_t ad_hash, EventTime hour) const {
  const std::int64_t passed = refreshed_.value() - hour.value();
  if (passed > kSurelyFinal_ms) return 1;
  const std::int64_t final_after = zone_.StartOfDayAfter(hour, 1).value() + kRestated_ms - hour.value();
  if (passed >= final_after) return 1;
  if (passed <= 0) return 0;
  const double begun = std::min(1.0, static_cast<double>(passed) / kHour_ms);
  const double progress = static_cast<double>(passed) / static_cast<double>(final_after);
  // What was counted twice is taken out again, so figures also fall.
  const double wobble = Fraction(Mixed(ad_hash ^ NumberOfHour(hour), NumberOfHour(refreshed_))) - 0.5;
  return begun * (0.8 + 0.2 * progress + 0.05 * wobble * (1 - progress));
}

void StatsValues::AddAd(const Entity& ad, const Span& span, std::vector<std::int64_t>* sums) const {
  const std::uint64_t hash = HashOf(ad.id);
  std::vector<std::int64_t> per_thousand;
  for (const std::string& metric : sums_of_) per_thousand.push_back(PerThousand(hash, metric));
  const std::int64_t begin = std::max(span.start.value(), ad.created_at.value());
  std::int64_t hour = span.start.value() + (begin - span.start.value() + kHour_ms - 1) / kHour_ms * kHour_ms;
  const std::int64_t end = std::min(span.end.value(), refreshed_.value());
  for (; hour < end; hour += kHour_ms) {
    const double known = Known(hash, EventTime(hour));
    const Delivery delivery = FinalDelivery(hash, EventTime(hour));
    (*sums)[0] += Part(delivery.impressions, known);
    for (std::size_t i = 0; i < per_thousand.size(); ++i) {
      (*sums)[i + 1] += Part(delivery.Share(per_thousand[i]), known);
    }
  }
}

std::int64_t StatsValues::SumOf(std::string_view metric, const std::vector<std::int64_t>& sums) const {
  const auto found = std::find(sums_of_.begin(), sums_of_.end(), metric);
  return sums[static_cast<std::size_t>(found - sums_of_.begin()) + 1];
}

json::value StatsValues::ValueOf(const std::string& field, const std::vector<std::int64_t>& sums) const {
  const Metric metric = *FindMetric(field);
  const auto impressions = static_cast<double>(sums[0]);
  // The more often an ad is shown, the more of it goes to people who know it already.
  const double people = std::floor(std::pow(impressions, 0.93));
  switch (metric.form) {
    case MetricForm::kImpressions:
      return sums[0];
    case MetricForm::kShare:
      return SumOf(field, sums);
    case MetricForm::kMean:
      return impressions > 0 ? static_cast<double>(SumOf(metric.of, sums)) / impressions : 0.0;
    case MetricForm::kUniques:
      return static_cast<std::int64_t>(people);
    case MetricForm::kFrequency:
      return people > 0 ? impressions / people : 0.0;
  }
  return nullptr;
}

json::object StatsValues::Sum(const std::vector<const Entity*>& ads, const Span& span) const {
  std::vector<std::int64_t> sums(sums_of_.size() + 1, 0);
  for (const Entity* ad : ads) AddAd(*ad, span, &sums);
  json::object values;
  for (const std::string& field : fields_) values[field] = ValueOf(field, sums);
  return values;
}

}  // namespace millrace::snap
