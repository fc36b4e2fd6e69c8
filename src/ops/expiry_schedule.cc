#include "ops/expiry_schedule.h"

#include <algorithm>
#include <bit>

#include "ops/window_assigner.h"

namespace millrace {
namespace {

constexpr std::int64_t kSecondMs = 1'000;
/// Slices of one length, ahead of now: what lies further ahead goes into longer ones.
constexpr std::uint64_t kSlicesOfOneLength = 1'024;

/// Start of the slice of a time that is so far ahead. It is after now, unless the time is in this second.
std::int64_t SliceFor(std::int64_t time_ms, std::int64_t ahead_ms) {
  const auto seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(ahead_ms, 0) / kSecondMs);
  const std::int64_t length_ms = kSecondMs << std::bit_width(seconds / kSlicesOfOneLength);
  const std::int64_t into = time_ms % length_ms;
  return SubtractTime(time_ms, into < 0 ? into + length_ms : into);
}

}  // namespace

void ExpirySchedule::Set(const Times& times, std::string_view key) {
  if (times.ends_ms >= times.before_ms) return;  // is looked at before, and moves on then
  const bool waits = open_ && times.ends_ms < AddTime(*open_, kSecondMs);
  const auto second = [](std::int64_t time_ms) { return SliceFor(time_ms, 0); };
  const bool had_end = times.before_ms != kNever;
  if (had_end && !waits && second(times.ends_ms) == second(times.before_ms)) return;
  Add(times.ends_ms, times.now_ms, key);
}

void ExpirySchedule::Add(std::int64_t ends_ms, std::int64_t now_ms, std::string_view key) {
  std::int64_t slice = SliceFor(ends_ms, SubtractTime(ends_ms, std::max(now_ms, open_.value_or(now_ms))));
  if (open_ && slice <= *open_) {
    slice = *open_;
    Wait(ends_ms, key);
  }
  added_.Append(key);
  added_slices_.push_back(slice);
}

Status ExpirySchedule::Flush() {
  if (added_slices_.empty()) return Status::Ok();
  slots_.resize(added_slices_.size());
  const Status status =
      table_->Lookup(added_slices_, {.data = added_.data(), .offsets = added_.offsets()}, slots_);
  added_.Clear();
  added_slices_.clear();
  return status;
}

std::optional<std::int64_t> ExpirySchedule::NextLook() const {
  if (!due_.empty()) return due_.front().ends_ms;
  if (open_) return AddTime(*open_, kSecondMs - 1);
  const std::optional<std::int64_t> first = table_->FirstSlice();
  if (!first || *first == ExpiryIndex::kRows) return std::nullopt;
  return first;
}

Status ExpirySchedule::Advance(Watermark watermark, const ReadEnds& read, const End& end) {
  for (auto look = NextLook(); look && *look <= watermark.value(); look = NextLook()) {
    if (!due_.empty()) {
      MR_RETURN_IF_ERROR(EndDue(watermark, read, end));
    } else if (open_) {
      MR_RETURN_IF_ERROR(Close());
    } else {
      MR_RETURN_IF_ERROR(Open(*look, read));
    }
  }
  return Status::Ok();
}

void ExpirySchedule::Forget() {
  open_.reset();
  due_.clear();
  due_keys_.Clear();
  added_.Clear();
  added_slices_.clear();
}

bool ExpirySchedule::Later(const Due& a, const Due& b) const {
  return a.ends_ms != b.ends_ms ? a.ends_ms > b.ends_ms : due_keys_[a.key] > due_keys_[b.key];
}

void ExpirySchedule::Wait(std::int64_t ends_ms, std::string_view key) {
  due_.push_back({ends_ms, static_cast<std::uint32_t>(due_keys_.num_rows())});
  due_keys_.Append(key);
  std::push_heap(due_.begin(), due_.end(), [this](const Due& a, const Due& b) { return Later(a, b); });
}

void ExpirySchedule::MoveOn(std::int64_t ends_ms, std::int64_t now_ms, std::string_view key) {
  if (ends_ms == kNever) return;
  if (ends_ms < AddTime(*open_, kSecondMs)) {
    Wait(ends_ms, key);
  } else {
    Add(ends_ms, now_ms, key);
  }
}

Status ExpirySchedule::Open(std::int64_t slice, const ReadEnds& read) {
  open_ = slice;
  keys_.Clear();
  MR_RETURN_IF_ERROR(table_->Visit(slice, [this](std::string_view key, std::uint32_t) {
    keys_.Append(key);
    return Status::Ok();
  }));
  ends_ms_.assign(static_cast<std::size_t>(keys_.num_rows()), kNever);
  MR_RETURN_IF_ERROR(read(keys_, ends_ms_));
  for (std::size_t i = 0; i < ends_ms_.size(); ++i) MoveOn(ends_ms_[i], slice, keys_[i]);
  return Flush();
}

// All keys of the slice have ended or moved on.
Status ExpirySchedule::Close() {
  const std::int64_t slice = *open_;
  open_.reset();
  return table_->CloseSlice(slice, [](std::string_view, std::uint32_t) { return Status::Ok(); });
}

Status ExpirySchedule::EndDue(Watermark watermark, const ReadEnds& read, const End& end) {
  keys_.Clear();
  planned_ms_.clear();
  while (!due_.empty() && due_.front().ends_ms <= watermark.value() && planned_ms_.size() < kMostAtOnce) {
    keys_.Append(due_keys_[due_.front().key]);
    planned_ms_.push_back(due_.front().ends_ms);
    std::pop_heap(due_.begin(), due_.end(), [this](const Due& a, const Due& b) { return Later(a, b); });
    due_.pop_back();
  }
  if (due_.empty()) due_keys_.Clear();
  ends_ms_.assign(planned_ms_.size(), kNever);
  MR_RETURN_IF_ERROR(read(keys_, ends_ms_));
  if (ends_ms_ != planned_ms_) return WaitAnew();
  ended_.Clear();
  ended_ms_.clear();
  for (std::size_t i = 0; i < ends_ms_.size(); ++i) {
    if (i > 0 && keys_[i] == keys_[i - 1]) continue;  // waited twice: its end went back and forth
    ended_.Append(keys_[i]);
    ended_ms_.push_back(ends_ms_[i]);
  }
  return end(ended_, ended_ms_);
}

// Ends that moved may lie between the others: all wait for what they are now.
Status ExpirySchedule::WaitAnew() {
  for (std::size_t i = 0; i < ends_ms_.size(); ++i) {
    if (ends_ms_[i] >= planned_ms_[i]) MoveOn(ends_ms_[i], planned_ms_[i], keys_[i]);
  }
  return Flush();
}

}  // namespace millrace
