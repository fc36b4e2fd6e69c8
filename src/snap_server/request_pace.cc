#include "snap_server/request_pace.h"

#include <algorithm>

namespace millrace::snap {
namespace {

using std::chrono::nanoseconds;

constexpr double kSecond_ns = 1e9;

nanoseconds IntervalOf(const PaceBound& bound) {
  return nanoseconds(static_cast<std::int64_t>(kSecond_ns / bound.per_second));
}

/// How far ahead of the clock the next request may be due.
nanoseconds LeadOf(const PaceBound& bound) {
  return std::max(nanoseconds(0), nanoseconds(static_cast<std::int64_t>((bound.per_second - 1) * kSecond_ns /
                                                                        bound.per_second)));
}

}  // namespace

bool RequestPace::Passes(std::span<const PaceBound> bounds) {
  const nanoseconds now = clock_.Steady();
  if (due_.size() + bounds.size() > kMaxNames) Forget(now);
  const auto due_at = [this, now](const PaceBound& bound) {
    const auto found = due_.find(bound.name);
    return found == due_.end() ? now : std::max(now, found->second);
  };
  for (const PaceBound& bound : bounds) {
    if (due_at(bound) - now > LeadOf(bound)) return false;
  }
  for (const PaceBound& bound : bounds) due_[bound.name] = due_at(bound) + IntervalOf(bound);
  return true;
}

void RequestPace::Forget(nanoseconds now) {
  if (std::erase_if(due_, [now](const auto& due) { return due.second <= now; }) == 0) due_.clear();
}

}  // namespace millrace::snap
