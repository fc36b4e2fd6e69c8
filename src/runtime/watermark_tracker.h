#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "columnar/batch.h"
#include "runtime/input_clock.h"
#include "runtime/topology.h"

namespace millrace {

/// The event-time clock of one task (T2, T2a, T2b, T3). One owner, one thread.
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
  Status Observe(std::size_t input, EventTime now, Batch* batch,
                 Tombstones tombstones = Tombstones::kHaveTime);
  /// Rows of a repartition input: judged by the clock as it stands.
  void Stamp(Batch* batch) const { batch->watermark = watermark_; }
  /// Errors: kCorrupt for an upstream partition that does not exist.
  Status Report(std::size_t input, const WatermarkReport& report);

  /// `at_end`: a source input has been read to its end (T3). Returns true when the watermark moved.
  bool CheckIdle(EventTime now, const std::vector<bool>& at_end);

  Watermark watermark() const { return watermark_; }
  /// True when every input is idle: what a repartition topic reports downstream.
  bool idle() const;

  /// Commit metadata of one input, and its restoration at recovery. An empty text restores nothing.
  std::string Save(std::size_t input) const;
  Status Load(std::size_t input, std::string_view text, EventTime now);
  /// To be called once after all inputs were loaded.
  void FinishLoad();

 private:
  using Upstream = InputClock::Upstream;
  struct Input {
    Watermark watermark = kNoWatermark;  // source input: its own clock
    bool idle = false;
    EventTime last_arrival{0};        // wall clock
    std::vector<Upstream> upstreams;  // repartition input
  };
  /// The watermark of an input, kEndOfTime when it does not hold the minimum back.
  Watermark Contribution(const Input& input) const;
  Watermark MinimumExcept(std::size_t input) const;
  bool Recompute();
  /// Returns true when all inputs are source inputs and idle.
  bool MarkIdleInputs(EventTime now, const std::vector<bool>& at_end);
  /// While all are idle. Returns true when the watermark moved.
  bool MoveWithWallClock(EventTime now);

  const TimeOptions options_;
  std::vector<Input> inputs_;
  Watermark watermark_ = kNoWatermark;
  std::optional<EventTime> idle_since_;  // wall clock; set while all inputs are idle
  Watermark idle_base_ = kNoWatermark;   // the newest event time when that began
};

}  // namespace millrace
