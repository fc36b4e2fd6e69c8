#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/duration.h"
#include "base/result.h"
#include "columnar/batch.h"
#include "env/clock.h"
#include "runtime/input_clock.h"
#include "runtime/topology.h"

namespace millrace {

/// What idleness is counted by: time that nobody sets, since an arbitrary start.
inline Duration SteadyMs(const Clock& clock) { return std::chrono::floor<Duration>(clock.Steady()); }

/// The event-time clock of one task (T2, T2a, T2b, T3). One owner, one thread.
///
/// `steady` is SteadyMs. The wall clock only says how far an idle watermark may go at most: when somebody
/// sets it, no partition becomes idle of that, and no watermark jumps.
///
/// Invariants:
///   1. watermark() never goes back.
///   2. It is at most the minimum over the inputs that are not idle; an input that never reported holds it at
///      kNoWatermark.
class WatermarkTracker {
 public:
  /// `upstream_partitions` by input index: 0 for a source partition, whose rows carry time themselves.
  WatermarkTracker(std::vector<std::int32_t> upstream_partitions, TimeOptions options);

  enum class Tombstones { kHaveTime, kHaveNone };
  /// Rows of a source input: fills watermark_before and watermark, and moves the clock by those that have a
  /// time.
  Status Observe(std::size_t input, Duration steady, Batch* batch,
                 Tombstones tombstones = Tombstones::kHaveTime);
  /// Rows of a repartition input: judged by the clock as it stands.
  void Stamp(Batch* batch) const { batch->watermark = watermark_; }
  /// Errors: kCorrupt for an upstream partition that does not exist.
  Status Report(std::size_t input, const WatermarkReport& report);

  /// `at_end`: a source input has been read to its end (T3). Returns true when the watermark moved.
  bool CheckIdle(const Clock& clock, const std::vector<bool>& at_end);

  Watermark watermark() const { return watermark_; }
  /// True when every input is idle: what a repartition topic reports downstream.
  bool idle() const;

  /// Commit metadata of one input, and its restoration at recovery. An empty text restores nothing.
  std::string Save(std::size_t input) const;
  Status Load(std::size_t input, std::string_view text, Duration steady);
  /// To be called once after all inputs were loaded.
  void FinishLoad();

 private:
  using Upstream = InputClock::Upstream;
  struct Input {
    Watermark watermark = kNoWatermark;  // source input: its own clock
    bool idle = false;
    Duration last_arrival{0};         // steady
    std::vector<Upstream> upstreams;  // repartition input
  };
  /// The watermark of an input, kEndOfTime when it does not hold the minimum back.
  Watermark Contribution(const Input& input) const;
  Watermark MinimumExcept(std::size_t input) const;
  bool Recompute();
  /// Returns true when all inputs are source inputs and idle.
  bool MarkIdleInputs(Duration steady, const std::vector<bool>& at_end);
  /// While all are idle. Returns true when the watermark moved.
  bool MoveWithTime(const Clock& clock);

  const TimeOptions options_;
  std::vector<Input> inputs_;
  Watermark watermark_ = kNoWatermark;
  std::optional<Duration> idle_since_;  // steady; set while all inputs are idle
  Watermark idle_base_ = kNoWatermark;  // the newest event time when that began
};

}  // namespace millrace
