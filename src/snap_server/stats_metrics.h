#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::snap {

/// How a figure of the stats comes about.
enum class MetricForm {
  kShare,        ///< of the impressions of an hour; adds up
  kImpressions,  ///< what the others are shares of
  kMean,         ///< of another metric per impression
  kUniques,      ///< people: does not add up over time
  kFrequency,    ///< impressions per person
};

struct Metric {
  std::string_view name;
  MetricForm form;
  /// kShare: so many for 1,000 impressions, on average.
  std::int64_t per_thousand = 0;
  /// kMean: of what.
  std::string_view of{};
};

/// The metric of that name; none when Snap has no such field. All names of conversions are taken.
std::optional<Metric> FindMetric(std::string_view name);

/// Whether it cannot be had for single hours: people are counted by day.
bool CountsPeople(const Metric& metric);

}  // namespace millrace::snap
