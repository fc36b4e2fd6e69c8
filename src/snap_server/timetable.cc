#include "snap_server/timetable.h"

#include <algorithm>
#include <utility>

namespace millrace::snap {
namespace {

/// A clock that is moved by hand wakes nobody, so due calls are looked for at least this often.
constexpr std::chrono::milliseconds kLongestLook{20};

}  // namespace

Timetable::Timetable(const Clock& clock) : clock_(clock), thread_("snap-later", [this] { Run(); }) {}

Timetable::~Timetable() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.Join();
}

void Timetable::After(Duration pause, std::function<void()> call) {
  const MutexLock lock(mutex_);
  const auto due = calls_.size() < kMaxCalls ? clock_.Steady() + pause : std::chrono::nanoseconds(0);
  calls_.emplace(due, std::move(call));
  changed_.notify_all();
}

std::chrono::nanoseconds Timetable::NextDue() const { return calls_.begin()->first; }

void Timetable::Run() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (calls_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto wait = NextDue() - clock_.Steady();
    if (wait.count() > 0) {
      changed_.wait_for(lock, std::min<std::chrono::nanoseconds>(wait, kLongestLook));
      continue;
    }
    const std::function<void()> call = std::move(calls_.begin()->second);
    calls_.erase(calls_.begin());
    lock.unlock();
    call();
    lock.lock();
  }
}

}  // namespace millrace::snap
