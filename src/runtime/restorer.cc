#include "runtime/restorer.h"

#include <algorithm>

#include "base/log.h"

namespace millrace {
namespace {

constexpr std::chrono::seconds kLogEvery{5};
constexpr std::chrono::milliseconds kAskEvery{100};  // whether a transaction has ended

}  // namespace

Restorer::Restorer(std::unique_ptr<ChangelogReader> reader, TopicAdmin& admin, const Clock& clock,
                   MetricRegistry& metrics)
    : reader_(std::move(reader)),
      admin_(admin),
      clock_(clock),
      rows_restored_(
          metrics.GetCounter("millrace_restore_records_total", "Changelog records read to rebuild state.")),
      rows_left_(metrics.GetGauge("millrace_restore_records_left", "Changelog offsets still to be read.")) {}

Status Restorer::Add(Task* task) {
  tasks_[task] = 0;
  MR_RETURN_IF_ERROR(CheckNothingMoved(*task));
  if (task->store() == nullptr) return Status::Ok();
  MR_ASSIGN_OR_RETURN(std::vector<ChangelogPlace> places,
                      FindChangelogPlaces(task->state_on_disk(), *reader_, admin_, clock_));
  for (ChangelogPlace& place : places) {
    const TopicPartition changelog = place.changelog;
    MR_RETURN_IF_ERROR(Begin({.task = task, .place = std::move(place)})
                           .WithContext("restoring from " + changelog.ToString()));
  }
  return Status::Ok();
}

Status Restorer::CheckNothingMoved(const Task& task) {
  for (const auto& [topic, noted_id] : task.ChangelogsOfMovedTables()) {
    MR_ASSIGN_OR_RETURN(const auto now, admin_.Describe(topic.changelog_topic));
    if (!now.has_value() || now->topic_id != noted_id) continue;  // it was reset
    return RowsMoved(topic);
  }
  return Status::Ok();
}

Status Restorer::Begin(Table table) {
  if (table.place.applied >= table.place.end) {
    MR_ASSIGN_OR_RETURN(const Offset stable, reader_->StableEnd(table.place.changelog));
    table.settled = stable >= table.place.end;
    table.asked = clock_.Steady();
    if (table.settled)
      return table.task->store()->ApplyChangelog(table.place.table, table.place.changelog_id, {},
                                                 table.place.applied);
  }
  MR_RETURN_IF_ERROR(reader_->Add(table.place.changelog, table.place.applied));
  ++tasks_[table.task];
  Log(LogLevel::kInfo,
      table.settled ? "restoring state" : "waiting for the end of a transaction on the changelog",
      {{"changelog", table.place.changelog.ToString()},
       {"from", table.place.applied.value()},
       {"to", table.place.end.value()}});
  const TopicPartition changelog = table.place.changelog;
  tables_.insert_or_assign(changelog, std::move(table));
  return Status::Ok();
}

void Restorer::Remove(Task* task) {
  tasks_.erase(task);
  for (auto it = tables_.begin(); it != tables_.end();) {
    if (it->second.task != task) {
      ++it;
      continue;
    }
    if (const Status removed = reader_->Remove(it->first); !removed.ok()) {
      Log(LogLevel::kWarning, "a changelog could not be let go",
          {{"changelog", it->first.ToString()}, {"error", removed}});
    }
    it = tables_.erase(it);
  }
}

Result<std::vector<Task*>> Restorer::Step(Duration wait) {
  if (!tables_.empty()) {
    MR_RETURN_IF_ERROR(ReadChangelogs(wait));
    MR_RETURN_IF_ERROR(FinishTables());
    LogProgress();
  }
  std::vector<Task*> done;
  for (const auto& [task, left] : tasks_) {
    if (left == 0) done.push_back(task);
  }
  for (Task* task : done) {
    tasks_.erase(task);
    if (task->store() != nullptr) MR_RETURN_IF_ERROR(task->store()->FinishRestore());
  }
  return done;
}

Status Restorer::ReadChangelogs(Duration wait) {
  MR_ASSIGN_OR_RETURN(const auto blocks, reader_->Poll(wait));
  for (const UndecodableRecords& lost : reader_->TakeUndecodable()) {
    return Status::Corrupt("the changelog " + lost.partition.ToString() + " cannot be decoded at offsets " +
                           std::to_string(lost.first.value()) + " to " +
                           std::to_string(lost.next.value() - 1) + " (" + lost.message +
                           "), so the state cannot be rebuilt; restore the topic, or 'millrace reset' the "
                           "pipeline");
  }
  for (const auto& block : blocks) {
    const auto found = tables_.find(block->partition());
    if (found == tables_.end()) continue;
    Table& table = found->second;
    MR_RETURN_IF_ERROR(ApplyChangelog(*block, *table.task->store(), &table.place));
    rows_restored_.Add(block->num_records());
  }
  return Status::Ok();
}

Status Restorer::FinishTables() {
  std::vector<TopicPartition> complete;
  for (auto& [changelog, table] : tables_) {
    MR_ASSIGN_OR_RETURN(const bool is_complete, IsComplete(table));
    if (is_complete) complete.push_back(changelog);
  }
  for (const TopicPartition& changelog : complete) MR_RETURN_IF_ERROR(FinishTable(changelog));
  return Status::Ok();
}

Result<bool> Restorer::IsComplete(Table& table) {
  if (reader_->Position(table.place.changelog) < table.place.end) return false;
  if (table.settled) return true;
  const auto now = clock_.Steady();
  if (now - table.asked < kAskEvery) return false;
  table.asked = now;
  MR_ASSIGN_OR_RETURN(const Offset stable, reader_->StableEnd(table.place.changelog));
  table.settled = stable >= table.place.end;
  return table.settled;
}

Status Restorer::FinishTable(const TopicPartition& changelog) {
  const Table& table = tables_.at(changelog);
  const Offset position = std::max(reader_->Position(changelog), table.place.applied);
  MR_RETURN_IF_ERROR(
      table.task->store()->ApplyChangelog(table.place.table, table.place.changelog_id, {}, position));
  MR_RETURN_IF_ERROR(reader_->Remove(changelog));
  --tasks_[table.task];
  tables_.erase(changelog);
  return Status::Ok();
}

void Restorer::LogProgress() {
  std::int64_t left = 0;
  const Table* unsettled = nullptr;
  for (const auto& [changelog, table] : tables_) {
    left += std::max<std::int64_t>(0, table.place.end.value() - reader_->Position(changelog).value());
    if (!table.settled) unsettled = &table;
  }
  rows_left_.Set(static_cast<double>(left));
  if (clock_.Steady() - last_log_ < kLogEvery) return;
  last_log_ = clock_.Steady();
  if (left > 0) Log(LogLevel::kInfo, "restoring", {{"tasks", tasks_.size()}, {"records_left", left}});
  if (unsettled != nullptr) {
    Log(LogLevel::kWarning, "a transaction on the changelog has not ended",
        {{"changelog", unsettled->place.changelog.ToString()},
         {"advice",
          "after the death of a process it ends within transaction.timeout.ms; if it does not, "
          "see kafka-transactions.sh find-hanging"}});
  }
}

}  // namespace millrace
