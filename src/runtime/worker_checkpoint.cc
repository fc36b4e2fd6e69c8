// When a worker commits what it has processed, and how.

#include <algorithm>

#include "env/crash_point.h"
#include "runtime/worker.h"

namespace millrace {

bool Worker::AnyRunning(bool (Task::*holds)() const) const {
  return std::any_of(tasks_.begin(), tasks_.end(), [&](const auto& entry) {
    return entry.second.phase == Phase::kRunning && (*entry.second.task.*holds)();
  });
}

bool Worker::CommitIsDue() const {
  if (context_.clock->Steady() - last_commit_ >= options_.commit_interval) return true;
  std::int64_t dirty_bytes = 0;
  for (const auto& [id, held] : tasks_) dirty_bytes += held.task ? held.task->dirty_bytes() : 0;
  return std::max(dirty_bytes, input_bytes_) >= options_.commit_bytes ||
         dirty_bytes >= options_.most_dirty_bytes;
}

Status Worker::CheckpointIfDue() {
  if (!checkpoint_waits_ && !CommitIsDue()) return Status::Ok();
  if (!AnyRunning(&Task::needs_commit)) {
    StartInterval();
    return Status::Ok();
  }
  checkpoint_waits_ = !Settle(Duration(0));
  return checkpoint_waits_ ? Status::Ok() : Checkpoint();
}

bool Worker::Settle(Duration wait) {
  const auto until = context_.clock->Steady() + wait;
  std::vector<Task*> waiting;
  for (auto& [id, held] : tasks_) {
    if (held.phase == Phase::kRunning && !held.task->Settle(Duration(0))) waiting.push_back(held.task.get());
  }
  return std::all_of(waiting.begin(), waiting.end(), [&](Task* task) {
    const auto left = std::chrono::ceil<Duration>(until - context_.clock->Steady());
    return task->Settle(std::max(left, Duration(0)));
  });
}

Status Worker::Checkpoint() {
  Status status = CommitAll();
  return CanRecoverFrom(status) ? Recover(status) : status;
}

void Worker::StartInterval() {
  checkpoint_waits_ = false;
  last_commit_ = context_.clock->Steady();
  input_bytes_ = 0;
}

Status Worker::BeginIfNeeded() {
  if (!options_.exactly_once || in_transaction_) return Status::Ok();
  MR_RETURN_IF_ERROR(producer_->Begin());
  in_transaction_ = true;
  return Status::Ok();
}

Status Worker::CommitAll() {
  StartInterval();
  const auto started = last_commit_;
  if (!AnyRunning(&Task::has_progress)) return Status::Ok();
  if (!Settle(options_.settle_timeout)) return Status::Timeout("rows are still on their way to a sink");
  MR_RETURN_IF_ERROR(BeginIfNeeded());
  std::vector<CommittedOffset> offsets;
  for (auto& [id, held] : tasks_) {
    if (held.phase != Phase::kRunning || !held.task->has_progress()) continue;
    MR_RETURN_IF_ERROR(held.task->Prepare(*producer_));
    for (CommittedOffset& offset : held.task->Offsets()) offsets.push_back(std::move(offset));
  }
  CrashPoint("after_produce");
  const auto prepared = context_.clock->Steady();
  MR_RETURN_IF_ERROR(SendOffsetsAndCommit(offsets));
  const std::chrono::duration<double> waited = context_.clock->Steady() - prepared;
  CrashPoint("after_commit");
  for (auto& [id, held] : tasks_) {
    if (held.phase == Phase::kRunning && held.task->has_progress())
      MR_RETURN_IF_ERROR(held.task->Commit(*producer_));
  }
  for (const CommittedOffset& offset : offsets) committed_[offset.partition] = offset.offset;
  metrics_.commits.Add(1);
  recovery_backoff_ = Duration(0);
  const std::chrono::duration<double> took = context_.clock->Steady() - started;
  metrics_.commit_seconds.Observe(took.count());
  metrics_.commit_kafka_seconds.Observe(waited.count());
  metrics_.commit_engine_seconds.Observe((took - waited).count());
  status_.last_commit_ms = took.count() * 1000;
  last_commit_ = context_.clock->Steady();
  return Status::Ok();
}

Status Worker::PublishAll() {
  for (auto& [id, held] : tasks_) {
    if (held.phase == Phase::kRunning) MR_RETURN_IF_ERROR(held.task->Publish());
  }
  return CommitAll();
}

Status Worker::SendOffsetsAndCommit(const std::vector<CommittedOffset>& offsets) {
  for (const CommittedOffset& offset : offsets) {
    MR_CHECK(assigned_.contains(offset.partition)) << offset.partition << " is not assigned to this worker";
  }
  if (!options_.exactly_once) {
    MR_RETURN_IF_ERROR(producer_->Flush());
    return member_->CommitOffsets(offsets);
  }
  MR_ASSIGN_OR_RETURN(const auto token, member_->Token());
  MR_RETURN_IF_ERROR(producer_->SendOffsets(offsets, *token));
  CrashPoint("after_send_offsets");
  if (member_->AssignmentLost()) return Status::Aborted("the group took the assignment away");
  MR_RETURN_IF_ERROR(producer_->Commit());
  in_transaction_ = false;
  return Status::Ok();
}

}  // namespace millrace
