#include "runtime/restorer.h"

#include <algorithm>
#include <charconv>

#include "base/log.h"

namespace millrace {
namespace {

constexpr std::chrono::seconds kLogEvery{5};
constexpr std::chrono::milliseconds kAskEvery{100};             // whether a transaction has ended
constexpr std::int64_t kDefaultDeleteRetentionMs = 86'400'000;  // Kafka's

/// How long the log keeps tombstones.
std::int64_t DeleteRetentionMs(const TopicDescription& topic) {
  const auto found = topic.config.find("delete.retention.ms");
  if (found == topic.config.end()) return kDefaultDeleteRetentionMs;
  std::int64_t retention = kDefaultDeleteRetentionMs;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), retention);
  return error == std::errc() && end == text.data() + text.size() ? retention : kDefaultDeleteRetentionMs;
}

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
  std::vector<Table> tables;
  bool trusted = true;
  bool any_offset = false;
  for (const auto& [name, changelog] : task->Changelogs()) {
    MR_ASSIGN_OR_RETURN(Table table, Inspect(task, name, changelog));
    trusted = trusted && table.trusted;
    any_offset = any_offset || task->store()->ChangelogOffset(name).has_value();
    tables.push_back(std::move(table));
  }
  // Rows without any offset can only come from a store that was cut off before its first commit.
  if (!trusted || (!any_offset && task->store()->num_rows() > 0)) {
    MR_RETURN_IF_ERROR(task->store()->Wipe());
    for (Table& table : tables) table.applied = table.first;
  }
  for (Table& table : tables) {
    const TopicPartition changelog = table.changelog;
    MR_RETURN_IF_ERROR(Begin(std::move(table)).WithContext("restoring from " + changelog.ToString()));
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

Result<Restorer::Table> Restorer::Inspect(Task* task, const std::string& name,
                                          const TopicPartition& changelog) {
  MR_ASSIGN_OR_RETURN(const auto topic, admin_.Describe(changelog.topic));
  if (!topic.has_value()) {
    return Status::NotFound("the changelog topic '" + changelog.topic +
                            "' does not exist any more; reset the pipeline's state");
  }
  MR_RETURN_IF_ERROR(task->CheckChangelog(name, topic->topic_id));
  MR_ASSIGN_OR_RETURN(const auto bounds, reader_->Bounds(changelog));
  Table table;
  table.task = task;
  table.name = name;
  table.changelog = changelog;
  table.changelog_id = topic->topic_id;
  table.first = bounds.first;
  table.end = bounds.second;
  table.trusted = IsTrusted(table, DeleteRetentionMs(*topic));
  table.applied = std::max(task->store()->ChangelogOffset(name).value_or(table.first), table.first);
  return table;
}

bool Restorer::IsTrusted(const Table& table, std::int64_t delete_retention_ms) const {
  StateStore& store = *table.task->store();
  const std::optional<Offset> from = store.ChangelogOffset(table.name);
  if (!from.has_value()) return true;  // nothing is on disk
  const std::string known_id = store.ChangelogId(table.name);
  const bool other_topic = !known_id.empty() && known_id != table.changelog_id;
  if (*from < table.first || *from > table.end || other_topic) {
    Log(LogLevel::kWarning, "state on disk does not match its changelog; it is rebuilt",
        {{"changelog", table.changelog.ToString()},
         {"state_offset", from->value()},
         {"first", table.first.value()},
         {"end", table.end.value()}});
    return false;
  }
  const std::optional<EventTime> written = store.LastCommitted();
  const std::int64_t age_ms = written.has_value() ? clock_.Now().value() - written->value() : 0;
  // Rows whose tombstones the log has forgotten would stay for ever. Half: the rest is for the reading.
  if (age_ms <= delete_retention_ms / 2) return true;
  Log(LogLevel::kWarning, "state on disk is older than the changelog keeps tombstones; it is rebuilt",
      {{"changelog", table.changelog.ToString()},
       {"age_s", age_ms / 1000},
       {"delete_retention_ms", delete_retention_ms}});
  return false;
}

Status Restorer::Begin(Table table) {
  if (table.applied >= table.end) {
    MR_ASSIGN_OR_RETURN(const Offset stable, reader_->StableEnd(table.changelog));
    table.settled = stable >= table.end;
    table.asked = clock_.Steady();
    if (table.settled)
      return table.task->store()->ApplyChangelog(table.name, table.changelog_id, {}, table.applied);
  }
  MR_RETURN_IF_ERROR(reader_->Add(table.changelog, table.applied));
  ++tasks_[table.task];
  Log(LogLevel::kInfo,
      table.settled ? "restoring state" : "waiting for the end of a transaction on the changelog",
      {{"changelog", table.changelog.ToString()},
       {"from", table.applied.value()},
       {"to", table.end.value()}});
  const TopicPartition changelog = table.changelog;
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
    MR_RETURN_IF_ERROR(
        table.task->ApplyChangelog(table.name, table.changelog_id, *block, block->next_offset()));
    table.applied = block->next_offset();
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
  if (reader_->Position(table.changelog) < table.end) return false;
  if (table.settled) return true;
  const auto now = clock_.Steady();
  if (now - table.asked < kAskEvery) return false;
  table.asked = now;
  MR_ASSIGN_OR_RETURN(const Offset stable, reader_->StableEnd(table.changelog));
  table.settled = stable >= table.end;
  return table.settled;
}

Status Restorer::FinishTable(const TopicPartition& changelog) {
  const Table& table = tables_.at(changelog);
  const Offset position = std::max(reader_->Position(changelog), table.applied);
  MR_RETURN_IF_ERROR(table.task->store()->ApplyChangelog(table.name, table.changelog_id, {}, position));
  MR_RETURN_IF_ERROR(reader_->Remove(changelog));
  --tasks_[table.task];
  tables_.erase(changelog);
  return Status::Ok();
}

void Restorer::LogProgress() {
  std::int64_t left = 0;
  const Table* unsettled = nullptr;
  for (const auto& [changelog, table] : tables_) {
    left += std::max<std::int64_t>(0, table.end.value() - reader_->Position(changelog).value());
    if (!table.settled) unsettled = &table;
  }
  rows_left_.Set(static_cast<double>(left));
  if (clock_.Steady() - last_log_ < kLogEvery) return;
  last_log_ = clock_.Steady();
  if (left > 0) Log(LogLevel::kInfo, "restoring", {{"tasks", tasks_.size()}, {"records_left", left}});
  if (unsettled != nullptr) {
    Log(LogLevel::kWarning, "a transaction on the changelog has not ended",
        {{"changelog", unsettled->changelog.ToString()},
         {"advice",
          "after the death of a process it ends within transaction.timeout.ms; if it does not, "
          "see kafka-transactions.sh find-hanging"}});
  }
}

}  // namespace millrace
