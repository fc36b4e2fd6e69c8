#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/duration.h"
#include "base/ids.h"

namespace millrace {

/// Saturating arithmetic on times in ms.
constexpr std::int64_t AddTime(std::int64_t a, std::int64_t b) {
  std::int64_t sum;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a < 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
}
constexpr std::int64_t SubtractTime(std::int64_t a, std::int64_t b) {
  std::int64_t difference;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return a < 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
}

/// Tumbling windows [start, start + size) aligned to the epoch plus an offset; times in ms may be negative
/// (W1). Immutable.
class WindowAssigner {
 public:
  /// Precondition: size > 0, grace >= 0.
  WindowAssigner(Duration size, Duration grace, Duration offset);

  /// Start of the window of `time_ms`. Precondition: HasWindow(time_ms).
  std::int64_t StartOf(std::int64_t time_ms) const { return time_ms - PositionOf(time_ms); }
  /// False when start or end are beyond int64.
  bool HasWindow(std::int64_t time_ms) const {
    const std::int64_t position = PositionOf(time_ms);
    return time_ms >= kLowest + position && time_ms <= kHighest - (size_ms_ - position);
  }
  std::int64_t EndOf(std::int64_t start_ms) const { return AddTime(start_ms, size_ms_); }
  /// The watermark from which on the window is closed (W2).
  std::int64_t ClosesAt(std::int64_t start_ms) const { return AddTime(EndOf(start_ms), grace_ms_); }

  std::int64_t size_ms() const { return size_ms_; }
  std::int64_t grace_ms() const { return grace_ms_; }

  /// Rows that are not simply counted; both ascending, a row in at most one.
  struct Exceptions {
    std::vector<std::int32_t> late;
    std::vector<std::int32_t> no_window;
    bool empty() const { return late.empty() && no_window.empty(); }
  };
  /// Sets starts_ms[i] to the window of row i. `watermarks_ms` holds the watermark before each row, or one
  /// for all.
  void Assign(std::span<const std::int64_t> times_ms, std::span<const std::int64_t> watermarks_ms,
              std::span<std::int64_t> starts_ms, Exceptions* exceptions) const;

 private:
  static constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
  static constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();

  // Distance of a time from the start of its window, 0 <= position < size.
  std::int64_t PositionOf(std::int64_t time_ms) const {
    std::int64_t position = time_ms % size_ms_;  // (-size, size)
    if (position < 0) position += size_ms_;
    position -= offset_ms_;
    return position < 0 ? position + size_ms_ : position;
  }

  const std::int64_t size_ms_;
  const std::int64_t grace_ms_;
  const std::int64_t offset_ms_;  // reduced to [0, size)
};

}  // namespace millrace
