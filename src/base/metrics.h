#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace millrace {

/// A number that only grows. Add is wait-free and meant to be called once per batch.
class Counter {
 public:
  void Add(std::int64_t amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// A number that moves both ways.
class Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  /// For a gauge that several owners share: each adds what changed on its side.
  void Add(double amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// Counts of observations below fixed bounds, with their sum. Observe is wait-free.
class Histogram {
 public:
  /// Precondition: `bounds` ascending; an implicit +Inf bucket follows.
  explicit Histogram(std::vector<double> bounds);
  void Observe(double value);

  const std::vector<double>& bounds() const { return bounds_; }
  /// Count of observations <= bounds()[i]; i == bounds().size() is the total.
  std::int64_t CumulativeCount(std::size_t i) const;
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  const std::vector<double> bounds_;
  std::deque<std::atomic<std::int64_t>> buckets_;
  std::atomic<double> sum_{0};
};

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

/// All metrics of one process. Get* returns the same object for the same name and labels, so a restarted task
/// goes on counting; returned references live as long as the registry. Thread-safe.
///
/// Names follow Prometheus: snake_case, unit last, counters end in _total.
class MetricRegistry {
 public:
  Counter& GetCounter(std::string_view name, std::string_view help, MetricLabels labels = {});
  Gauge& GetGauge(std::string_view name, std::string_view help, MetricLabels labels = {});
  Histogram& GetHistogram(std::string_view name, std::string_view help, std::vector<double> bounds,
                          MetricLabels labels = {});
  /// Drops one gauge (a partition that left); no effect when absent. References to it must not be used
  /// afterwards.
  void RemoveGauge(std::string_view name, const MetricLabels& labels);

  /// Prometheus text exposition format 0.0.4, families in name order.
  std::string ToPrometheusText() const;
  /// Sum over all label sets of a counter or gauge; 0 when there is none. For tests and summaries.
  double Sum(std::string_view name) const;

 private:
  enum class Kind { kCounter, kGauge, kHistogram };
  struct Family {
    Kind kind;
    std::string help;
    std::map<MetricLabels, Counter> counters;
    std::map<MetricLabels, Gauge> gauges;
    std::map<MetricLabels, Histogram> histograms;
  };
  Family& FamilyOf(std::string_view name, std::string_view help, Kind kind);

  mutable Mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;  // guarded by mutex_
};

}  // namespace millrace
