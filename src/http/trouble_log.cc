#include "http/trouble_log.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace millrace {
namespace {

std::int64_t MillisecondsOf(std::chrono::nanoseconds span) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
}

}  // namespace

TroubleLog::TroubleLog(Words words, Name name, const Clock& clock)
    : words_(std::move(words)), name_(std::move(name)), clock_(clock) {}

void TroubleLog::Failed(const void* request, const Failure& failure) {
  const MutexLock lock(mutex_);
  const auto now = clock_.Steady();
  if (since_.empty()) {
    began_ = now;
    failures_ = 0;
  }
  since_.try_emplace(request, failure.since);
  ++failures_;
  ++failures_unsaid_;
  if (!said_at_ || now - *said_at_ >= kEvery) Say(failure, now);
}

void TroubleLog::Say(const Failure& failure, std::chrono::nanoseconds now) {
  said_at_ = now;
  const std::int64_t failures = std::exchange(failures_unsaid_, 0);
  if (!std::exchange(said_, true) && failures == 1) {
    Log(LogLevel::kWarning, words_.begins,
        {{name_.key, name_.value},
         {"in_ms", failure.pause.count()},
         {"tries", failure.tries},
         {"error", failure.error}});
    return;
  }
  const auto oldest = std::min_element(since_.begin(), since_.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
  Log(LogLevel::kWarning, words_.lasts,
      {{name_.key, name_.value},
       {"retries", failures},
       {"oldest_ms", MillisecondsOf(now - oldest->second)},
       {"error", failure.error}});
}

void TroubleLog::Passed(const void* request) {
  const MutexLock lock(mutex_);
  if (since_.erase(request) > 0 && since_.empty() && std::exchange(said_, false)) SayOver();
}

void TroubleLog::SayOver() {
  failures_unsaid_ = 0;
  Log(LogLevel::kInfo, words_.over,
      {{name_.key, name_.value},
       {"retries", failures_},
       {"after_ms", MillisecondsOf(clock_.Steady() - began_)}});
}

void TroubleLog::Forget(const void* request) {
  const MutexLock lock(mutex_);
  if (since_.erase(request) > 0 && since_.empty()) said_ = false;
}

}  // namespace millrace
