#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_map>

namespace millrace::bench {

/// Aggregates per (key, 1-minute window) in the plainest form that is not slow.
struct WindowKey {
  std::int64_t auction = 0;
  std::int64_t start = 0;
  bool operator==(const WindowKey&) const = default;
};

struct WindowKeyHash {
  std::size_t operator()(const WindowKey& key) const {
    const auto mixed =
        (static_cast<std::uint64_t>(key.auction) ^ (static_cast<std::uint64_t>(key.start) << 20U)) *
        0x9E3779B97F4A7C15U;
    return static_cast<std::size_t>(mixed ^ (mixed >> 32U));
  }
};

struct Totals {
  std::int64_t count = 0;
  double sum = 0;
  double low = 0;
  double high = 0;
  bool operator==(const Totals&) const = default;

  void Add(double price) {
    low = count == 0 ? price : std::min(low, price);
    high = count == 0 ? price : std::max(high, price);
    sum += price;
    ++count;
  }
};

using WindowTotals = std::unordered_map<WindowKey, Totals, WindowKeyHash>;

}  // namespace millrace::bench
