#include "runtime/watermark_tracker.h"

#include <algorithm>
#include <utility>

#include <arrow/array.h>
#include <arrow/buffer.h>

#include "columnar/arrow_status.h"

namespace millrace {
namespace {

/// `time - by`, stopping at the ends of int64 before kNoWatermark and kEndOfTime.
std::int64_t SaturatingMinus(std::int64_t time, std::int64_t by) {
  std::int64_t out = 0;
  if (!__builtin_sub_overflow(time, by, &out)) return std::min(out, kEndOfTime.value() - 1);
  return by > 0 ? kNoWatermark.value() + 1 : kEndOfTime.value() - 1;
}

}  // namespace

WatermarkTracker::WatermarkTracker(std::vector<std::int32_t> upstream_partitions, TimeOptions options)
    : options_(options), inputs_(upstream_partitions.size()) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    inputs_[i].upstreams.resize(static_cast<std::size_t>(upstream_partitions[i]));
  }
}

Status WatermarkTracker::Observe(std::size_t input, Duration steady, Batch* batch, Tombstones tombstones) {
  Input& in = inputs_[input];
  if (batch->num_rows() == 0) return Status::Ok();
  in.idle = false;
  in.last_arrival = steady;
  const std::int64_t lateness = options_.out_of_orderness.count();
  const std::int64_t cap = MinimumExcept(input).value();
  const std::int64_t floor = watermark_.value();
  const std::span<const std::int64_t> times(batch->event_time->raw_values(),
                                            static_cast<std::size_t>(batch->num_rows()));
  MR_ASSIGN_ARROW(auto buffer,
                  arrow::AllocateBuffer(batch->num_rows() * static_cast<std::int64_t>(sizeof(std::int64_t))));
  auto* before = reinterpret_cast<std::int64_t*>(buffer->mutable_data());
  const arrow::BooleanArray* const timeless =
      tombstones == Tombstones::kHaveNone ? batch->tombstone.get() : nullptr;
  std::int64_t own = in.watermark.value();
  for (std::size_t i = 0; i < times.size(); ++i) {
    before[i] = std::max(floor, std::min(own, cap));
    if (timeless != nullptr && timeless->Value(static_cast<std::int64_t>(i))) continue;
    own = std::max(own, SaturatingMinus(times[i], lateness));
  }
  in.watermark = Watermark(own);
  batch->watermark_before = std::make_shared<arrow::Int64Array>(
      batch->num_rows(), std::shared_ptr<arrow::Buffer>(std::move(buffer)));
  Recompute();
  batch->watermark = watermark_;
  return Status::Ok();
}

Status WatermarkTracker::Report(std::size_t input, const WatermarkReport& report) {
  auto& upstreams = inputs_[input].upstreams;
  if (report.upstream_partition < 0 ||
      static_cast<std::size_t>(report.upstream_partition) >= upstreams.size()) {
    return Status::Corrupt("a repartition topic reports upstream partition " +
                           std::to_string(report.upstream_partition) + ", but the pipeline has " +
                           std::to_string(upstreams.size()) +
                           "; its partition count changed: reset the pipeline");
  }
  Upstream& upstream = upstreams[static_cast<std::size_t>(report.upstream_partition)];
  upstream.watermark = std::max(upstream.watermark, report.watermark);
  upstream.idle = report.idle;
  upstream.reported = true;
  Recompute();
  return Status::Ok();
}

bool WatermarkTracker::CheckIdle(const Clock& clock, const std::vector<bool>& at_end) {
  if (!options_.idle_after.has_value()) return false;
  if (MarkIdleInputs(SteadyMs(clock), at_end)) return MoveWithTime(clock);
  idle_since_.reset();
  return Recompute();
}

bool WatermarkTracker::MarkIdleInputs(Duration steady, const std::vector<bool>& at_end) {
  bool all_idle = !inputs_.empty();
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    Input& in = inputs_[i];
    if (!in.upstreams.empty()) {
      all_idle = false;  // its upstream declares idleness and moves the clock
      continue;
    }
    if (in.last_arrival.count() == 0) in.last_arrival = steady;
    if (!at_end[i]) {
      // Still behind: neither idle nor counting towards it.
      in.idle = false;
      in.last_arrival = steady;
    } else if (steady - in.last_arrival >= *options_.idle_after) {
      in.idle = true;
    }
    all_idle = all_idle && in.idle;
  }
  return all_idle;
}

bool WatermarkTracker::MoveWithTime(const Clock& clock) {
  if (!idle_since_.has_value()) {
    // Nothing can arrive that is older: first up to the newest time seen, then as time goes on (T3), counted
    // from the moment of idleness and not from this check, so that it does not matter how often one checks.
    Duration since{0};
    idle_base_ = watermark_;
    for (const Input& in : inputs_) {
      since = std::max(since, in.last_arrival + *options_.idle_after);
      idle_base_ = std::max(idle_base_, in.watermark);
    }
    idle_since_ = since;
  }
  if (idle_base_ == kNoWatermark) return false;
  const std::int64_t ceiling = SaturatingMinus(clock.Now().value(), options_.out_of_orderness.count());
  const Duration idle_for = std::max(Duration(0), SteadyMs(clock) - *idle_since_);
  const std::int64_t moved = idle_base_.value() + idle_for.count();
  const std::int64_t target = std::max(idle_base_.value(), std::min(moved, ceiling));
  if (target <= watermark_.value()) return false;
  watermark_ = Watermark(target);
  return true;
}

bool WatermarkTracker::idle() const {
  return std::all_of(inputs_.begin(), inputs_.end(), [](const Input& in) {
    if (in.upstreams.empty()) return in.idle;
    return std::all_of(in.upstreams.begin(), in.upstreams.end(),
                       [](const Upstream& u) { return u.reported && u.idle; });
  });
}

Watermark WatermarkTracker::Contribution(const Input& input) const {
  if (input.upstreams.empty()) return input.idle ? kEndOfTime : input.watermark;
  Watermark lowest = kEndOfTime;
  Watermark highest = kNoWatermark;
  bool all_idle = true;
  for (const Upstream& upstream : input.upstreams) {
    if (!upstream.reported) return kNoWatermark;
    highest = std::max(highest, upstream.watermark);
    if (upstream.idle) continue;
    all_idle = false;
    lowest = std::min(lowest, upstream.watermark);
  }
  // An idle upstream keeps moving its own clock with the wall clock; when all are idle the furthest one
  // counts.
  return all_idle ? highest : lowest;
}

Watermark WatermarkTracker::MinimumExcept(std::size_t input) const {
  Watermark lowest = kEndOfTime;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (i != input) lowest = std::min(lowest, Contribution(inputs_[i]));
  }
  return lowest;
}

bool WatermarkTracker::Recompute() {
  const Watermark lowest = MinimumExcept(inputs_.size());
  if (lowest == kEndOfTime || lowest <= watermark_) return false;
  watermark_ = lowest;
  return true;
}

std::string WatermarkTracker::Save(std::size_t input) const {
  const Input& in = inputs_[input];
  return FormatInputClock({.task = watermark_, .own = in.watermark, .upstreams = in.upstreams});
}

Status WatermarkTracker::Load(std::size_t input, std::string_view text, Duration steady) {
  Input& in = inputs_[input];
  in.last_arrival = steady;
  if (text.empty()) return Status::Ok();
  MR_ASSIGN_OR_RETURN(InputClock clock, ParseInputClock(text));
  if (clock.upstreams.size() != in.upstreams.size()) {
    return Status::Corrupt("the committed offset's metadata '" + std::string(text) + "' is of " +
                           std::to_string(clock.upstreams.size()) + " upstream partitions, not " +
                           std::to_string(in.upstreams.size()) + "; reset the pipeline's offsets");
  }
  watermark_ = std::max(watermark_, clock.task);
  in.watermark = clock.own;
  in.upstreams = std::move(clock.upstreams);
  return Status::Ok();
}

void WatermarkTracker::FinishLoad() { Recompute(); }

}  // namespace millrace
