#include "env/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <utility>

#include "base/log.h"
#include "env/clock.h"

namespace millrace {
namespace {

constexpr int kExitAtOnce = 130;  // what a shell reports for an interrupted command
constexpr int kExitTooLate = 1;
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
  std::function<void()> on_first;
  std::optional<Duration> longest_stop;
  StopToken token;
  std::atomic<bool> closing{false};
  sigset_t mask_before;
  Thread thread;

  void Run() {
    const sigset_t waited = ShutdownSignals();
    const SystemClock clock;
    std::chrono::nanoseconds asked{0};
    bool first = true;
    while (!closing) {
      const int signal = sigtimedwait(&waited, nullptr, &kPoll);
      if (signal < 0) {
        if (!first && longest_stop && clock.Steady() - asked >= *longest_stop) EndTooLate();
        continue;
      }
      if (!first) ::_exit(kExitAtOnce);
      first = false;
      asked = clock.Steady();
      Log(LogLevel::kInfo, "stopping; a second signal ends the process at once",
          {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
      token.RequestStop();
      if (on_first) on_first();
    }
  }

  [[noreturn]] void EndTooLate() const {
    Log(LogLevel::kError, "stopping took too long; what is not committed will be read again",
        {{"waited", FormatDuration(*longest_stop)}});
    ::_exit(kExitTooLate);
  }
};

ShutdownSignal::ShutdownSignal(std::function<void()> on_first, std::optional<Duration> longest_stop)
    : state_(std::make_unique<State>()) {
  state_->on_first = std::move(on_first);
  state_->longest_stop = longest_stop;
  ::signal(SIGPIPE, SIG_IGN);
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
