// What a worker does with its input: records through the tasks, idleness and lag, purging of what was read.

#include <algorithm>

#include "base/log.h"
#include "runtime/worker.h"

namespace millrace {
namespace {

constexpr std::chrono::milliseconds kIdleCheckEvery{100};
constexpr std::chrono::seconds kPurgeEvery{30};
constexpr Duration kFreshFetch{1'000};  // T3
constexpr std::string_view kLag = "kafka_consumergroup_lag";

MetricLabels LagLabels(const std::string& group, const TopicPartition& partition) {
  return {{"consumergroup", group},
          {"topic", partition.topic},
          {"partition", std::to_string(partition.partition.value())}};
}

}  // namespace

Status Worker::ProcessInput(std::vector<std::shared_ptr<const RecordBlock>> blocks) {
  MR_RETURN_IF_ERROR(ProcessBlocks(std::move(blocks)));
  MR_RETURN_IF_ERROR(PassOver(member_->TakeUndecodable()));
  return CheckIdle();
}

Status Worker::ProcessBlocks(std::vector<std::shared_ptr<const RecordBlock>> blocks) {
  blocks_last_poll_ = static_cast<std::int64_t>(blocks.size());
  if (blocks.empty()) return Status::Ok();
  MR_RETURN_IF_ERROR(BeginIfNeeded());
  for (auto& block : blocks) {
    // None: fetched before a revocation or a recovery; it will be read again from the committed offset.
    Task* const task = RunningTask(block->partition());
    if (task != nullptr) MR_RETURN_IF_ERROR(ProcessBlock(*task, std::move(block)));
  }
  return Status::Ok();
}

Status Worker::PassOver(const std::vector<UndecodableRecords>& undecodable) {
  for (const UndecodableRecords& records : undecodable) {
    Task* const task = RunningTask(records.partition);
    if (task == nullptr) continue;
    MR_RETURN_IF_ERROR(BeginIfNeeded());
    MR_RETURN_IF_ERROR(task->PassOver(records));
  }
  return Status::Ok();
}

Task* Worker::RunningTask(const TopicPartition& partition) {
  for (const TaskId id : TasksOf(partition)) {
    const auto found = tasks_.find(id);
    if (found != tasks_.end() && found->second.phase == Phase::kRunning) return found->second.task.get();
  }
  return nullptr;
}

Status Worker::ProcessBlock(Task& task, std::shared_ptr<const RecordBlock> block) {
  input_bytes_ += block->num_bytes();
  if (task.ReadsSource(block->partition().topic)) {
    metrics_.records_in.Add(block->num_records());
    metrics_.bytes_in.Add(block->num_bytes());
  }
  metrics_.batch_rows.Observe(static_cast<double>(block->num_records()));
  const auto started = context_.clock->Steady();
  MR_RETURN_IF_ERROR(task.Process(std::move(block)));
  const std::chrono::duration<double> took = context_.clock->Steady() - started;
  metrics_.batch_seconds.Observe(took.count());
  return Status::Ok();
}

Status Worker::CheckIdle() {
  const auto now = context_.clock->Steady();
  if (now - last_idle_check_ < kIdleCheckEvery && blocks_last_poll_ > 0) return Status::Ok();
  last_idle_check_ = now;
  std::int64_t lag = 0;
  for (auto& [id, held] : tasks_) {
    if (held.phase != Phase::kRunning) continue;
    std::vector<bool> at_end;
    for (const TopicPartition& input : held.task->inputs()) {
      const PartitionProgress progress = member_->Progress(input);
      at_end.push_back(progress.position != kNoOffset && progress.position == progress.last_stable &&
                       progress.position == progress.high && progress.since_last_fetch < kFreshFetch);
      const std::int64_t behind =
          std::max<std::int64_t>(0, progress.last_stable.value() - progress.position.value());
      context_.metrics
          ->GetGauge(kLag, "Records between the position and the end of a partition.",
                     LagLabels(context_.topology->app, input))
          .Set(static_cast<double>(behind));
      lag += behind;
    }
    MR_RETURN_IF_ERROR(BeginIfNeeded());
    MR_RETURN_IF_ERROR(held.task->CheckIdle(at_end));
    held.task->RefreshMetrics();
  }
  status_.lag = lag;
  UpdateStatus();
  return Status::Ok();
}

Status Worker::PurgeRepartitions() {
  const auto now = context_.clock->Steady();
  if (now - last_purge_ < kPurgeEvery) return Status::Ok();
  last_purge_ = now;
  for (const SubTopology& sub : context_.topology->sub_topologies) {
    for (const auto& [partition, offset] : committed_) {
      const auto& purgeable = sub.repartition_inputs;
      if (std::find(purgeable.begin(), purgeable.end(), partition.topic) == purgeable.end()) continue;
      if (purged_[partition] >= offset) continue;
      const Status purged = cluster_.admin().DeleteRecords(partition, offset);
      if (purged.ok()) {
        purged_[partition] = offset;
      } else {
        Log(LogLevel::kWarning, "a repartition topic could not be purged",
            {{"partition", partition.ToString()}, {"error", purged}});
      }
    }
  }
  return Status::Ok();
}

void Worker::ForgetLag(const TopicPartition& partition) {
  context_.metrics->RemoveGauge(kLag, LagLabels(context_.topology->app, partition));
}

}  // namespace millrace
