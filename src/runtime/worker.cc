#include "runtime/worker.h"

#include <algorithm>

#include "base/log.h"
#include "env/crash_point.h"

namespace millrace {
namespace {

constexpr Duration kBetweenAttempts{500};  // to start a task
// How long running tasks may stand still because the offsets of one that starts are not stable yet, or their
// coordinator is slow; longer each time, with four times as long in between.
constexpr Duration kStandstillFirst{100};
constexpr Duration kStandstillMost{1'000};
constexpr Duration kWaitWhileRestoring{1};  // for input: little, but no spinning while nothing comes
constexpr Duration kWaitWhileStalled{5};
constexpr Duration kRecoveryBackoffFirst{100};
constexpr Duration kRecoveryBackoffMost{5'000};

// Longer intervals would overflow when compared in nanoseconds.
constexpr Duration kLongestCommitInterval = std::chrono::hours(24 * 365);

WorkerOptions WithinBounds(WorkerOptions options) {
  options.commit_interval = std::min(options.commit_interval, kLongestCommitInterval);
  return options;
}

bool IsRetryable(const Status& status) {
  return !status.ok() && status.error_class() == ErrorClass::kRetryable;
}

}  // namespace

Worker::Worker(const TaskContext& context, Cluster& cluster, WorkerOptions options)
    : context_(context),
      options_(WithinBounds(std::move(options))),
      cluster_(cluster),
      metrics_(*context.metrics),
      standstill_(kStandstillFirst) {}

Worker::~Worker() = default;

Status Worker::Start() {
  std::set<std::string> topics;
  for (const SubTopology& sub : context_.topology->sub_topologies) {
    for (const std::string& topic : sub.input_topics) {
      MR_CHECK(topics.insert(topic).second) << topic << " is read by two sub-topologies";
    }
  }
  MR_ASSIGN_OR_RETURN(member_, cluster_.MakeGroupMember(context_.topology->app, options_.id));
  MR_ASSIGN_OR_RETURN(auto reader, cluster_.MakeChangelogReader());
  restorer_ =
      std::make_unique<Restorer>(std::move(reader), cluster_.admin(), *context_.clock, *context_.metrics);
  if (const Status made = CreateProducer(); IsRetryable(made)) {
    Log(LogLevel::kWarning, "Kafka does not answer; trying again",
        {{"worker", options_.id}, {"error", made}});
    recovery_needed_ = true;
  } else {
    MR_RETURN_IF_ERROR(made);
  }
  last_commit_ = last_idle_check_ = last_purge_ = context_.clock->Steady();
  return member_->Subscribe({topics.begin(), topics.end()}, this);
}

Status Worker::CreateProducer() {
  producer_.reset();
  in_transaction_ = false;
  MR_ASSIGN_OR_RETURN(producer_, cluster_.MakeProducer(options_.exactly_once ? options_.id : ""));
  return producer_->Init().WithContext("starting the producer '" + options_.id + "'");
}

Status Worker::RunOnce(Duration wait) {
  status_.last_round_ns = context_.clock->Steady().count();
  if (recovery_needed_ && pause_ == Duration(0)) MR_RETURN_IF_ERROR(Recover(Status::Ok()));
  if (recovery_needed_) wait = std::exchange(pause_, Duration(0));
  if (!restorer_->empty()) {
    Status restored = RestoreSome(wait);
    if (CanRecoverFrom(restored)) return Recover(restored);
    MR_RETURN_IF_ERROR(restored);
    if (std::exchange(begins_at_an_end_, false)) return Checkpoint();
    if (!restorer_->empty()) wait = std::min(wait, kWaitWhileRestoring);
  }
  PollLimits limits = options_.poll;
  limits.wait = wait;
  if (recovery_needed_ || checkpoint_waits_) limits.max_records = 0;
  if (checkpoint_waits_) limits.wait = std::min(wait, kWaitWhileStalled);
  auto polled = member_->Poll(limits);
  CrashPoint("after_poll");
  if (Status status = std::exchange(callback_status_, Status::Ok()); !status.ok()) {
    if (!IsRetryable(status)) return status;
    return Recover(status);
  }
  if (!polled.ok()) {
    if (!IsRetryable(polled.status())) return polled.status();
    Log(LogLevel::kWarning, "reading from Kafka failed; trying again",
        {{"worker", options_.id}, {"error", polled.status()}});
    return Status::Ok();
  }
  if (recovery_needed_) return Status::Ok();
  MR_RETURN_IF_ERROR(OpenTasks());
  const Status processed = ProcessInput(*std::move(polled));
  if (CanRecoverFrom(processed)) return Recover(processed);
  MR_RETURN_IF_ERROR(processed);
  CrashPoint("after_process");
  MR_RETURN_IF_ERROR(CheckpointIfDue());
  if (!recovery_needed_ && AllCommitted()) AnswerQuestions();
  return PurgeRepartitions();
}

Status Worker::Stop() {
  questions_.Close();
  Status committed = recovery_needed_ ? Status::Ok() : CommitAll();
  if (committed.ok() && !recovery_needed_) committed = PublishAll();
  if (!committed.ok()) {
    Log(LogLevel::kWarning, "the last checkpoint failed; its input will be read again",
        {{"worker", options_.id}, {"error", committed}});
    recovery_needed_ = true;
  }
  Status closed = member_ != nullptr ? member_->Close() : Status::Ok();
  for (auto& [id, held] : tasks_) {
    if (held.task != nullptr && closed.ok()) closed = held.task->Abandon();
  }
  tasks_.clear();
  producer_.reset();
  restorer_.reset();
  UpdateStatus();
  // Nothing is wrong when the group moves on at the same time: somebody else reads the input again.
  return committed.ok() || committed.code() == StatusCode::kAborted ? closed : committed;
}

// --- Recovery ---

bool Worker::CanRecoverFrom(const Status& status) const {
  const auto corrupt = [](const auto& entry) {
    return entry.second.task != nullptr && entry.second.task->state_is_corrupt();
  };
  return IsRetryable(status) ||
         (status.code() == StatusCode::kCorrupt && std::any_of(tasks_.begin(), tasks_.end(), corrupt));
}

Status Worker::Recover(const Status& cause) {
  if (!cause.ok()) {
    metrics_.recoveries.Add(1);
    // The same may fail again at once, for as long as something is wrong.
    if (recovery_backoff_ > Duration(0)) Pause();
    Log(LogLevel::kWarning, "recovering: uncommitted work is dropped and its input read again",
        {{"worker", options_.id}, {"in_ms", pause_.count()}, {"cause", cause}});
  }
  for (auto& [id, held] : tasks_) {
    if (held.task == nullptr) continue;
    restorer_->Remove(held.task.get());
    if (const Status abandoned = held.task->Abandon(); !abandoned.ok()) {
      Log(LogLevel::kWarning, "a sink could not roll back", {{"error", abandoned}});
    }
    if (held.task->state_is_corrupt()) MR_RETURN_IF_ERROR(held.task->SetStateAside(cause));
    held = HeldTask{};
  }
  UpdateStatus();
  recovery_needed_ = pause_ > Duration(0);
  if (recovery_needed_) return Status::Ok();
  Status made = CreateProducer();
  if (made.ok()) {
    recovery_backoff_ = std::max(recovery_backoff_, kRecoveryBackoffFirst);
    return OpenTasks();
  }
  if (!IsRetryable(made)) return made;
  recovery_needed_ = true;
  Pause();
  Log(LogLevel::kWarning, "Kafka does not answer; trying again",
      {{"worker", options_.id}, {"in_ms", pause_.count()}, {"error", made}});
  return Status::Ok();
}

void Worker::Pause() {
  recovery_backoff_ = std::clamp(recovery_backoff_ * 2, kRecoveryBackoffFirst, kRecoveryBackoffMost);
  pause_ = recovery_backoff_;
}

Status Worker::OpenTasks() {
  for (std::size_t s = 0; s < context_.topology->sub_topologies.size(); ++s) {
    for (std::int32_t p = 0; p < context_.topology->sub_topologies[s].partitions; ++p) {
      if (const TaskId id{s, Partition(p)}; HoldsAllInputs(id)) tasks_.try_emplace(id);
    }
  }
  const auto now = context_.clock->Steady();
  for (auto& [id, held] : tasks_) {
    if (held.task != nullptr || now < held.next_attempt) continue;
    const Status opened = OpenTask(id, &held);
    if (opened.ok()) continue;
    if (held.task != nullptr) restorer_->Remove(held.task.get());
    held = HeldTask{};
    held.next_attempt = context_.clock->Steady() + kBetweenAttempts;
    if (!IsRetryable(opened)) return opened;
    // The others would wait for the same: running tasks must not stand still for each of them.
    if (opened.code() == StatusCode::kTimeout) DelayOpening();
    Log(LogLevel::kWarning, "a task could not start; trying again",
        {{"sub_topology", context_.topology->sub_topologies[id.sub_topology].name},
         {"partition", id.partition.value()},
         {"error", opened}});
  }
  assignment_opened_ = has_assignment_;
  UpdateStatus();
  return Status::Ok();
}

void Worker::DelayOpening() {
  const auto until = context_.clock->Steady() + std::max(kBetweenAttempts, 4 * standstill_);
  for (auto& [id, held] : tasks_) {
    if (held.task == nullptr) held.next_attempt = until;
  }
  standstill_ = std::min(2 * standstill_, kStandstillMost);
}

Status Worker::OpenTask(TaskId id, HeldTask* held) {
  if (options_.standbys != nullptr) options_.standbys->Take(id);
  MR_ASSIGN_OR_RETURN(held->task, Task::Make(id, context_));
  // In this order: what is committed first, then how far the changelogs go.
  if (status_.tasks_running.load() > 0) {
    MR_ASSIGN_OR_RETURN(held->committed, member_->Committed(held->task->inputs(), standstill_));
  } else {
    MR_ASSIGN_OR_RETURN(held->committed, member_->Committed(held->task->inputs()));
  }
  MR_RETURN_IF_ERROR(held->task->LoadNotes(held->committed));
  if (held->task->needs_first_run()) MR_RETURN_IF_ERROR(FindFirstRun(held->task.get()));
  MR_RETURN_IF_ERROR(restorer_->Add(held->task.get()));
  held->phase = Phase::kRestoring;
  standstill_ = kStandstillFirst;
  return Status::Ok();
}

Status Worker::FindFirstRun(Task* task) {
  const std::string& topic = task->inputs().front().topic;
  std::vector<TopicPartition> all;
  all.reserve(static_cast<std::size_t>(task->sub_topology().partitions));
  for (std::int32_t i = 0; i < task->sub_topology().partitions; ++i) all.push_back({topic, Partition(i)});
  MR_ASSIGN_OR_RETURN(const std::vector<CommittedOffset> committed, member_->Committed(all));
  return task->FindFirstRun(committed);
}

Status Worker::RestoreSome(Duration wait) {
  const bool anything_runs = status_.tasks_running.load() > 0;
  MR_ASSIGN_OR_RETURN(const std::vector<Task*> done, restorer_->Step(anything_runs ? Duration(0) : wait));
  for (auto& [id, held] : tasks_) {
    if (std::find(done.begin(), done.end(), held.task.get()) == done.end()) continue;
    MR_RETURN_IF_ERROR(StartTask(&held));
  }
  return Status::Ok();
}

Status Worker::StartTask(HeldTask* held) {
  std::vector<std::pair<TopicPartition, Offset>> starts;
  for (const CommittedOffset& committed : held->committed) {
    MR_ASSIGN_OR_RETURN(
        const StartPosition start,
        start_positions_.Choose(*member_, {.committed = committed,
                                           .reset = held->task->ResetOf(committed.partition.topic),
                                           .partitions = held->task->sub_topology().partitions,
                                           .has_state = held->task->has_state()}));
    MR_RETURN_IF_ERROR(held->task->LoadPosition(committed, start));
    starts.emplace_back(committed.partition, start.offset);
    begins_at_an_end_ = begins_at_an_end_ || start.is_end;
  }
  MR_RETURN_IF_ERROR(held->task->Ready(producer_.get()));
  for (const auto& [partition, offset] : starts) MR_RETURN_IF_ERROR(member_->Start(partition, offset));
  held->phase = Phase::kRunning;
  metrics_.tasks_started.Add(1);
  UpdateStatus();
  return Status::Ok();
}

bool Worker::AllCommitted() const {
  return std::none_of(tasks_.begin(), tasks_.end(), [](const auto& entry) {
    const HeldTask& held = entry.second;
    return held.phase == Phase::kRunning && (held.task->needs_commit() || held.task->is_dirty());
  });
}

void Worker::AnswerQuestions() {
  for (StateQuestions::Question& question : questions_.Take()) {
    StateAnswer answer;
    Status status;
    for (auto& [id, held] : tasks_) {
      if (held.phase == Phase::kRunning && status.ok()) status = held.task->Answer(question.query, &answer);
    }
    if (status.ok()) {
      question.done(std::move(answer));
    } else {
      question.done(std::move(status));
    }
  }
}

// --- Assignment ---

void Worker::OnAssigned(std::vector<TopicPartition> partitions) {
  Log(LogLevel::kInfo, "partitions assigned",
      {{"worker", options_.id}, {"partitions", partitions.size()}, {"held_before", assigned_.size()}});
  assigned_.insert(partitions.begin(), partitions.end());
  has_assignment_ = true;
  assignment_opened_ = false;
  for (const TopicPartition& partition : partitions) {
    for (const TaskId id : TasksOf(partition)) {
      const std::int32_t known = context_.topology->sub_topologies[id.sub_topology].partitions;
      if (partition.partition.value() < known) continue;
      callback_status_ = Status::InvalidArgument("topic '" + partition.topic +
                                                 "' has more partitions than the " + std::to_string(known) +
                                                 " it had when the pipeline started; start it again");
    }
  }
}

void Worker::OnRevoked(std::vector<TopicPartition> partitions, bool lost) {
  Log(LogLevel::kInfo, lost ? "partitions lost" : "partitions revoked",
      {{"worker", options_.id},
       {"partitions", partitions.size()},
       {"kept", assigned_.size() - std::min(assigned_.size(), partitions.size())}});
  CrashPoint("during_revoke");
  has_assignment_ = assignment_opened_ = false;
  Status status;
  if (lost || recovery_needed_) {
    // The open transaction holds work for partitions that belong to somebody else: none of it may commit.
    recovery_needed_ = true;
  } else if (status = CommitAll(); !status.ok()) {
    Log(LogLevel::kWarning, "the checkpoint at revocation failed; its input will be read again",
        {{"error", status}});
    recovery_needed_ = true;
  }
  for (const TopicPartition& partition : partitions) {
    const Status dropped = DropPartition(partition);
    if (status.ok()) status = dropped;
  }
  if (!status.ok() && !IsRetryable(status)) callback_status_ = status;
  UpdateStatus();
}

Status Worker::DropPartition(const TopicPartition& partition) {
  Status first;
  for (const TaskId id : TasksOf(partition)) {
    const auto found = tasks_.find(id);
    if (found == tasks_.end()) continue;
    if (Task* task = found->second.task.get(); task != nullptr) {
      restorer_->Remove(task);
      Status closed = recovery_needed_ ? task->Abandon() : task->Close();
      if (first.ok()) first = std::move(closed);
    }
    tasks_.erase(found);
    if (options_.standbys != nullptr) options_.standbys->Return(id);
  }
  assigned_.erase(partition);
  start_positions_.Forget(partition);
  ForgetLag(partition);
  committed_.erase(partition);
  purged_.erase(partition);
  return first;
}

std::vector<TaskId> Worker::TasksOf(const TopicPartition& partition) const {
  std::vector<TaskId> out;
  for (std::size_t s = 0; s < context_.topology->sub_topologies.size(); ++s) {
    const auto& topics = context_.topology->sub_topologies[s].input_topics;
    if (std::find(topics.begin(), topics.end(), partition.topic) != topics.end())
      out.push_back({s, partition.partition});
  }
  return out;
}

bool Worker::HoldsAllInputs(TaskId id) const {
  const auto& topics = context_.topology->sub_topologies[id.sub_topology].input_topics;
  return std::all_of(topics.begin(), topics.end(), [&](const std::string& topic) {
    return assigned_.contains({topic, id.partition});
  });
}

// --- Status ---

void Worker::UpdateStatus() {
  std::int64_t running = 0;
  std::int64_t restoring = 0;
  Watermark lowest = kEndOfTime;
  for (const auto& [id, held] : tasks_) {
    running += held.phase == Phase::kRunning ? 1 : 0;
    restoring += held.phase == Phase::kRunning ? 0 : 1;
    if (held.phase == Phase::kRunning) lowest = std::min(lowest, held.task->watermark());
  }
  status_.tasks_running = running;
  status_.tasks_restoring = restoring;
  status_.settled = assignment_opened_ && restoring == 0;
  status_.watermark = lowest == kEndOfTime ? kNoWatermark.value() : lowest.value();
}

bool Worker::quiet() const {
  return blocks_last_poll_ == 0 && !recovery_needed_ && !AnyRunning(&Task::needs_commit) &&
         restorer_->empty() && std::all_of(tasks_.begin(), tasks_.end(), [](const auto& entry) {
           return entry.second.phase == Phase::kRunning;
         });
}

}  // namespace millrace
