#include "env/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

#include "base/log.h"
#include "env/exhaustion.h"

namespace millrace {
namespace {

constexpr int kExitAtOnce = 130;  // what a shell reports for an interrupted command
constexpr int kExitTooLate = 1;
// What comes sooner is the same request: timeout(1) signals its child and then the group of it.
constexpr std::chrono::seconds kSameRequest{1};
constexpr timespec kPoll{0, 50'000'000};  // how often the thread looks whether its owner is gone

sigset_t ShutdownSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

struct ShutdownSignal::State {
  ShutdownDeadline deadline;
  StopToken token;
  std::atomic<bool> closing{false};
  sigset_t mask_before;
  Thread thread;

  void Run() {
    const sigset_t waited = ShutdownSignals();
    std::optional<std::chrono::steady_clock::time_point> asked;
    while (!closing) {
      const int signal = sigtimedwait(&waited, nullptr, &kPoll);
      if (asked && deadline.after.count() > 0 &&
          std::chrono::steady_clock::now() - *asked >= deadline.after && !closing) {
        Log(LogLevel::kError, deadline.event, {{"stop_timeout", FormatDuration(deadline.after)}});
        ::_exit(kExitTooLate);
      }
      if (signal < 0) continue;
      if (asked && std::chrono::steady_clock::now() - *asked < kSameRequest) continue;
      if (asked) ::_exit(kExitAtOnce);
      asked = std::chrono::steady_clock::now();
      Log(LogLevel::kInfo, "stopping; a second signal ends the process at once",
          {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
      token.RequestStop();
    }
  }
};

ShutdownSignal::ShutdownSignal(ShutdownDeadline deadline) : state_(std::make_unique<State>()) {
  state_->deadline = std::move(deadline);
  ::signal(SIGPIPE, SIG_IGN);
  EndWhenExhausted();
  const sigset_t blocked = ShutdownSignals();
  pthread_sigmask(SIG_BLOCK, &blocked, &state_->mask_before);
  state_->thread = Thread("signals", [state = state_.get()] { state->Run(); });
}

ShutdownSignal::~ShutdownSignal() {
  state_->closing = true;
  state_->thread.Join();
  pthread_sigmask(SIG_SETMASK, &state_->mask_before, nullptr);
}

const StopToken& ShutdownSignal::token() const { return state_->token; }

}  // namespace millrace
