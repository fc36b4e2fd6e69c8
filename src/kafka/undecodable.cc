#include "kafka/undecodable.h"

#include <algorithm>
#include <utility>

namespace millrace::kafka {

UndecodableBatch::Step UndecodableBatch::Probe(Offset at) {
  probe_ = at;
  return {.seek = at, .deliver = false, .skipped = std::nullopt};
}

UndecodableBatch::Step UndecodableBatch::Narrow() {
  const std::int64_t gap = outside_.value() - inside_.value();
  if (gap > 1) return Probe(Offset(inside_.value() + gap / 2));
  if (inside_ == error_offset_) return Done();
  confirming_ = true;
  return Probe(inside_);
}

UndecodableBatch::Step UndecodableBatch::NotInside() {
  outside_ = probe_;
  if (std::exchange(confirming_, false)) inside_ = error_offset_;
  return Narrow();
}

UndecodableBatch::Step UndecodableBatch::Done() {
  const Offset first = error_offset_;
  const Offset next = outside_;
  Forget();
  if (passed_ != kNoOffset && next <= passed_)
    return {.seek = passed_, .deliver = false, .skipped = std::nullopt};
  passed_ = next;
  return {.seek = next, .deliver = false, .skipped = std::pair{first, next}};
}

void UndecodableBatch::Forget() {
  const Offset passed = passed_;
  Reset();
  passed_ = passed;
}

UndecodableBatch::Step UndecodableBatch::OnError(Offset offset, int code) {
  if (searching_) {
    // Another batch's error means that the probe lies behind ours. Errors that name the place of reading
    // instead of the batch cannot be told apart and count as the same one.
    const bool same_batch = code == error_code_ && (offset == error_offset_ || offset == probe_);
    if (!same_batch) return NotInside();
    if (confirming_) return Done();
    inside_ = probe_;
    if (outside_ != kNoOffset) return Narrow();
    stride_ *= 2;
    return Probe(Offset(inside_.value() + stride_));
  }
  // After a wrong checksum librdkafka (2.15) goes on at a wrong place of the buffer and reports what it takes
  // for another batch, far away: one such error behind each of ours changes nothing.
  if (equal_errors_ > 0 && offset > error_offset_ && !stray_error_) {
    stray_error_ = true;
    return {};
  }
  stray_error_ = false;
  if (offset != error_offset_ || code != error_code_) {
    error_offset_ = offset;
    error_code_ = code;
    equal_errors_ = 0;
  }
  looking_again_ = false;
  if (++equal_errors_ < kEqualErrors) return {};
  searching_ = true;
  inside_ = offset;
  outside_ = kNoOffset;
  stride_ = 1;
  return Probe(Next(offset));
}

Offset UndecodableBatch::KeepProbeBelow(Offset end) {
  if (probe_ > end) probe_ = std::max(end, Next(inside_));
  return probe_;
}

UndecodableBatch::Step UndecodableBatch::OnGood(Offset offset) {
  if (!searching_) {
    if (equal_errors_ == 0 || offset < error_offset_) return {};
    // Good records beyond the error: the batch was passed over without a word, or an error that went away was
    // followed by a gap in the offsets.
    if (offset > error_offset_ && !looking_again_) {
      looking_again_ = true;
      return {.seek = error_offset_, .deliver = false, .skipped = std::nullopt};
    }
    Forget();
    return {};
  }
  if (offset < probe_) return {.seek = std::nullopt, .deliver = false, .skipped = std::nullopt};
  return NotInside();
}

}  // namespace millrace::kafka
