#include "runtime/state_query.h"

#include <utility>

namespace millrace {
namespace {

constexpr std::size_t kMostWaiting = 64;

}  // namespace

void StateQuestions::Ask(StateQuery query, Done done) {
  Status refused;
  {
    const MutexLock lock(mutex_);
    if (closed_) {
      refused = Status::Unavailable("the worker has stopped");
    } else if (waiting_.size() >= kMostWaiting) {
      refused = Status::Unavailable("too many questions wait already; try again");
    } else {
      waiting_.push_back({std::move(query), std::move(done)});
      return;
    }
  }
  done(std::move(refused));
}

std::vector<StateQuestions::Question> StateQuestions::Take() {
  const MutexLock lock(mutex_);
  return std::exchange(waiting_, {});
}

void StateQuestions::Close() {
  std::vector<Question> left;
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    left.swap(waiting_);
  }
  for (Question& question : left) question.done(Status::Unavailable("the worker has stopped"));
}

}  // namespace millrace
