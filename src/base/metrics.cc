#include "base/metrics.h"

#include <algorithm>
#include <cstdio>

#include "base/check.h"

namespace millrace {
namespace {

std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out.push_back('\\');
    if (c == '\n') {
      out.append("\\n");
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string LabelText(const MetricLabels& labels, std::string_view extra = "") {
  if (labels.empty() && extra.empty()) return "";
  std::string out = "{";
  for (const auto& [key, value] : labels) {
    if (out.size() > 1) out.push_back(',');
    out += key + "=\"" + Escape(value) + "\"";
  }
  if (!extra.empty()) {
    if (out.size() > 1) out.push_back(',');
    out += extra;
  }
  return out + "}";
}

std::string Number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

void AppendHistogram(const std::string& name, const MetricLabels& labels, const Histogram& histogram,
                     std::string* out) {
  for (std::size_t i = 0; i <= histogram.bounds().size(); ++i) {
    char bound[32] = "+Inf";
    if (i < histogram.bounds().size()) std::snprintf(bound, sizeof bound, "%g", histogram.bounds()[i]);
    *out += name + "_bucket" + LabelText(labels, std::string("le=\"") + bound + "\"") + " " +
            std::to_string(histogram.CumulativeCount(i)) + "\n";
  }
  *out += name + "_sum" + LabelText(labels) + " " + Number(histogram.sum()) + "\n";
  *out += name + "_count" + LabelText(labels) + " " +
          std::to_string(histogram.CumulativeCount(histogram.bounds().size())) + "\n";
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), buckets_(bounds_.size() + 1) {
  MR_CHECK(std::is_sorted(bounds_.begin(), bounds_.end()));
}

void Histogram::Observe(double value) {
  const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  buckets_[static_cast<std::size_t>(at)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::int64_t Histogram::CumulativeCount(std::size_t i) const {
  std::int64_t total = 0;
  for (std::size_t b = 0; b <= i; ++b) total += buckets_[b].load(std::memory_order_relaxed);
  return total;
}

MetricRegistry::Family& MetricRegistry::FamilyOf(std::string_view name, std::string_view help, Kind kind) {
  auto found = families_.find(name);
  if (found == families_.end()) {
    found = families_.try_emplace(std::string(name)).first;
    found->second.kind = kind;
    found->second.help = help;
  }
  MR_CHECK(found->second.kind == kind) << "metric " << name << " is used as two kinds";
  return found->second;
}

Counter& MetricRegistry::GetCounter(std::string_view name, std::string_view help, MetricLabels labels) {
  MutexLock lock(mutex_);
  return FamilyOf(name, help, Kind::kCounter).counters[std::move(labels)];
}

Gauge& MetricRegistry::GetGauge(std::string_view name, std::string_view help, MetricLabels labels) {
  MutexLock lock(mutex_);
  return FamilyOf(name, help, Kind::kGauge).gauges[std::move(labels)];
}

Histogram& MetricRegistry::GetHistogram(std::string_view name, std::string_view help,
                                        std::vector<double> bounds, MetricLabels labels) {
  MutexLock lock(mutex_);
  return FamilyOf(name, help, Kind::kHistogram)
      .histograms.try_emplace(std::move(labels), std::move(bounds))
      .first->second;
}

void MetricRegistry::RemoveGauge(std::string_view name, const MetricLabels& labels) {
  MutexLock lock(mutex_);
  if (auto found = families_.find(name); found != families_.end()) found->second.gauges.erase(labels);
}

std::string MetricRegistry::ToPrometheusText() const {
  MutexLock lock(mutex_);
  std::string out;
  for (const auto& [name, family] : families_) {
    static constexpr const char* kTypes[] = {"counter", "gauge", "histogram"};
    out += "# HELP " + name + " " + family.help + "\n# TYPE " + name + " " +
           kTypes[static_cast<std::size_t>(family.kind)] + "\n";
    for (const auto& [labels, counter] : family.counters) {
      out += name + LabelText(labels) + " " + std::to_string(counter.value()) + "\n";
    }
    for (const auto& [labels, gauge] : family.gauges)
      out += name + LabelText(labels) + " " + Number(gauge.value()) + "\n";
    for (const auto& [labels, histogram] : family.histograms) AppendHistogram(name, labels, histogram, &out);
  }
  return out;
}

double MetricRegistry::Sum(std::string_view name) const {
  MutexLock lock(mutex_);
  const auto found = families_.find(name);
  if (found == families_.end()) return 0;
  double total = 0;
  for (const auto& [labels, counter] : found->second.counters) total += static_cast<double>(counter.value());
  for (const auto& [labels, gauge] : found->second.gauges) total += gauge.value();
  return total;
}

}  // namespace millrace
