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

/// Operator::OutputWatermark of a window that waits so long for late rows.
constexpr Watermark HeldBack(Watermark input, std::int64_t grace_ms) {
  if (input == kNoWatermark || input == kEndOfTime) return input;
  return Watermark(SubtractTime(input.value(), grace_ms));
}

/// Windows [start, start + size), one beginning every step, aligned to the epoch plus an offset; times in ms
/// may be negative (W1). Immutable.
///
/// Time is cut into panes [pane, pane + pane length), the longest that no window start or end falls into: a
/// row is counted once, in its pane, and a window is the panes from its start to its end. Tumbling windows
/// (step = size) are their own panes. Sliding windows have a step and panes of 1 ms.
class WindowAssigner {
 public:
  struct Shape {
    Duration size{0};
    Duration step{0};  ///< at most `size`
    Duration grace{0};
    Duration offset{0};
  };
  /// Precondition: 0 < step <= size, grace >= 0.
  explicit WindowAssigner(const Shape& shape);

  /// Pane of `time_ms`. Precondition: HasWindow(time_ms).
  std::int64_t PaneOf(std::int64_t time_ms) const {
    return time_ms - Position(time_ms, pane_ms_, offset_in_pane_);
  }
  /// False when some window of the time starts or ends beyond int64.
  bool HasWindow(std::int64_t time_ms) const;
  /// End of the last window that holds the pane.
  std::int64_t LastEndOf(std::int64_t pane_ms) const {
    return AddTime(pane_ms - Position(pane_ms, step_ms_, offset_in_step_), size_ms_);
  }
  /// The watermark from which on all windows of the pane are closed (W2).
  std::int64_t ClosesAt(std::int64_t pane_ms) const { return AddTime(LastEndOf(pane_ms), grace_ms_); }
  /// The first end of a window after `time_ms`.
  std::int64_t NextEndAfter(std::int64_t time_ms) const;
  /// Ends of the first window that holds the pane.
  std::int64_t FirstEndOf(std::int64_t pane_ms) const { return NextEndAfter(AddTime(pane_ms, pane_ms_ - 1)); }
  std::int64_t EndOf(std::int64_t start_ms) const { return AddTime(start_ms, size_ms_); }

  std::int64_t size_ms() const { return size_ms_; }
  std::int64_t step_ms() const { return step_ms_; }
  std::int64_t pane_ms() const { return pane_ms_; }
  std::int64_t grace_ms() const { return grace_ms_; }
  bool overlapping() const { return step_ms_ < size_ms_; }
  /// Start of the stretch of one window length, aligned like the panes, that holds `time_ms`.
  std::int64_t BlockOf(std::int64_t time_ms) const {
    return time_ms - Position(time_ms, size_ms_, offset_in_size_);
  }

  /// Rows that are not simply counted; both ascending, a row in at most one.
  struct Exceptions {
    std::vector<std::int32_t> late;
    std::vector<std::int32_t> no_window;
    bool empty() const { return late.empty() && no_window.empty(); }
  };
  /// Sets panes_ms[i] to the pane of row i. A row is late when the last of its windows is closed.
  /// `watermarks_ms` holds the watermark before each row, or one for all.
  void Assign(std::span<const std::int64_t> times_ms, std::span<const std::int64_t> watermarks_ms,
              std::span<std::int64_t> panes_ms, Exceptions* exceptions) const;

 private:
  static constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
  static constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();

  // Distance of a time from the start of its stretch, 0 <= position < length; 0 <= offset < length.
  static std::int64_t Position(std::int64_t time_ms, std::int64_t length_ms, std::int64_t offset_ms) {
    std::int64_t position = time_ms % length_ms;  // (-length, length)
    if (position < 0) position += length_ms;
    position -= offset_ms;
    return position < 0 ? position + length_ms : position;
  }

  const std::int64_t size_ms_;
  const std::int64_t step_ms_;
  const std::int64_t pane_ms_;
  const std::int64_t grace_ms_;
  const std::int64_t offset_in_size_;
  const std::int64_t offset_in_step_;
  const std::int64_t offset_in_pane_;
};

}  // namespace millrace
