#include "env/thread.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <system_error>
#include <utility>
#include <vector>

#include "env/exhaustion.h"

namespace millrace {
namespace {

constexpr std::size_t kMaxNameSize = 15;  // of the Linux kernel

}  // namespace

Thread::Thread(const std::string& name, std::function<void()> body) {
  // The new thread inherits the mask, so that there is no moment in which it could take a signal.
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigaddset(&blocked, SIGINT);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  try {
    thread_ = std::thread([body = std::move(body), short_name = name.substr(0, kMaxNameSize)]() noexcept {
      pthread_setname_np(pthread_self(), short_name.c_str());
      body();
    });
  } catch (const std::system_error&) {
    EndForLackOfThreads("thread '" + name + "'");
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Thread& Thread::operator=(Thread&& other) noexcept {
  Join();
  thread_ = std::move(other.thread_);
  return *this;
}

void Thread::Join() {
  if (thread_.joinable()) thread_.join();
}

bool CanStartThreads(int count) {
  const StopToken done;
  std::vector<std::jthread> threads;
  bool all = true;
  try {
    for (int i = 0; i < count; ++i) threads.emplace_back([done] { done.Wait(); });
  } catch (const std::system_error&) {
    all = false;
  }
  done.RequestStop();
  return all;
}

int CpuCount() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) return std::max(1, CPU_COUNT(&allowed));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

struct StopToken::State {
  std::atomic<bool> stopped{false};
  Mutex mutex;
  ConditionVariable changed;
};

StopToken::StopToken() : state_(std::make_shared<State>()) {}

void StopToken::RequestStop() const {
  {
    const MutexLock lock(state_->mutex);
    state_->stopped = true;
  }
  state_->changed.notify_all();
}

bool StopToken::stop_requested() const { return state_->stopped; }

bool StopToken::WaitFor(Duration time) const {
  MutexLock lock(state_->mutex);
  return state_->changed.wait_for(lock, time, [&] { return state_->stopped.load(); });
}

void StopToken::Wait() const {
  MutexLock lock(state_->mutex);
  state_->changed.wait(lock, [&] { return state_->stopped.load(); });
}

}  // namespace millrace
