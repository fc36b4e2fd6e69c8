#include "runtime/standby_keeper.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "runtime/offset_metadata.h"
#include "runtime/standby_placement.h"

namespace millrace {
namespace {

// What is read waits in memory for so long: less to write when a worker takes the task.
constexpr std::chrono::seconds kWriteEvery{1};
// A worker that wants a task whose copy is just being opened waits no longer than this.
constexpr std::chrono::seconds kOpeningMost{2};
// Far below half of what topics keep tombstones for.
constexpr std::int64_t kYoungMs = 3'600'000;

}  // namespace

class StandbyKeeper::NoRows final : public SlotRows {
 public:
  void Resize(std::uint32_t) override {}
  void Clear(std::uint32_t) override {}
  void Encode(std::uint32_t, std::string*) const override {}
  Status Decode(std::uint32_t, std::string_view) override { return Status::Ok(); }
};

StandbyKeeper::StandbyKeeper(const TaskContext& context, Cluster& cluster, StandbyOptions options)
    : context_(context),
      cluster_(cluster),
      options_(std::move(options)),
      tasks_(context.metrics->GetGauge("millrace_standby_tasks",
                                       "Tasks of other machines of which a copy is kept.")),
      tasks_warm_(context.metrics->GetGauge("millrace_standby_tasks_warm",
                                            "Copies that have come to the end of their changelogs.")),
      records_(context.metrics->GetCounter("millrace_standby_records_total",
                                           "Changelog records read for copies of other machines' tasks.")) {}

StandbyKeeper::~StandbyKeeper() = default;

// --- For workers ---

void StandbyKeeper::Take(const TaskId& task) {
  Copy copy;  // closed without the lock
  MutexLock lock(mutex_);
  taken_.insert(task);
  opened_.wait_for(lock, kOpeningMost, [&] { return opening_ != task; });
  const auto found = copies_.find(task);
  if (found == copies_.end()) return;
  copy = std::move(found->second);
  copies_.erase(found);
  lock.unlock();
  Log(LogLevel::kInfo, "the task of a standby comes here",
      {{"task", TaskName(context_.topology->sub_topologies[task.sub_topology], task.partition)},
       {"warm", copy.warm}});
}

void StandbyKeeper::Return(const TaskId& task) {
  const MutexLock lock(mutex_);
  taken_.erase(task);
}

// --- Placing ---

bool StandbyKeeper::RunOnce(Duration wait) {
  StopReading();
  if (const auto now = context_.clock->Steady(); !placed_ || now - *placed_ >= options_.refresh) {
    placed_ = now;
    // What is kept goes on: it was right a moment ago.
    if (const Status placed = PlaceCopies(); !placed.ok())
      Log(LogLevel::kWarning, "who is to keep which standby cannot be told now; trying again",
          {{"in_ms", options_.refresh.count()}, {"error", placed}});
  }
  if (!reading_.empty()) {
    if (const Status followed = Follow(wait); !followed.ok()) CloseAll(followed);
  }
  ShowMetrics();
  return !reading_.empty();
}

Status StandbyKeeper::PlaceCopies() {
  MR_ASSIGN_OR_RETURN(const auto members, cluster_.groups()->Members(context_.topology->app));
  const std::vector<LiveSlot> slots = LiveSlots(context_.topology->app, members);
  const auto wanted = PlaceStandbys(*context_.topology, options_.node, slots, options_.copies);
  if (!wanted.has_value()) return Status::Ok();
  std::vector<Copy> left;  // closed without the lock
  {
    const MutexLock lock(mutex_);
    for (auto it = copies_.begin(); it != copies_.end();) {
      if (wanted->contains(it->first)) {
        ++it;
        continue;
      }
      left.push_back(std::move(it->second));
      it = copies_.erase(it);
    }
  }
  left.clear();
  StopReading();
  MR_RETURN_IF_ERROR(OpenCopies(*wanted));
  return KeepYoung();
}

Status StandbyKeeper::OpenCopies(const std::set<TaskId>& wanted) {
  std::vector<TaskId> missing;
  {
    const MutexLock lock(mutex_);
    for (const TaskId& task : wanted) {
      if (!copies_.contains(task) && !taken_.contains(task)) missing.push_back(task);
    }
  }
  if (missing.empty()) return Status::Ok();
  if (reader_ == nullptr) {
    MR_ASSIGN_OR_RETURN(reader_, cluster_.MakeChangelogReader());
  }
  MR_ASSIGN_OR_RETURN(const std::vector<CommittedOffset> offsets,
                      cluster_.groups()->Offsets(context_.topology->app));
  for (const TaskId& task : missing) {
    const SubTopology& sub = context_.topology->sub_topologies[task.sub_topology];
    StateNotes notes(sub);
    Status opened;
    for (const CommittedOffset& at : offsets) {
      if (at.partition.partition != task.partition ||
          std::find(sub.input_topics.begin(), sub.input_topics.end(), at.partition.topic) ==
              sub.input_topics.end())
        continue;
      auto metadata = ParseOffsetMetadata(at.metadata);
      if (metadata.ok()) {
        notes.Take(&metadata->notes);
      } else if (opened.ok()) {
        opened = metadata.status();
      }
    }
    if (opened.ok()) opened = OpenCopy(task, notes);
    if (opened.ok() || opened.code() == StatusCode::kAlreadyExists) {
      refused_.erase(task);  // another process of this machine may have it
      continue;
    }
    if (opened.error_class() == ErrorClass::kRetryable) return opened;  // the cluster is away for all
    std::string& said = refused_[task];
    if (said == opened.message()) continue;
    said = opened.message();
    Log(LogLevel::kWarning, "no standby of a task",
        {{"task", TaskName(sub, task.partition)}, {"error", opened}});
  }
  return Status::Ok();
}

Status StandbyKeeper::OpenCopy(const TaskId& task, const StateNotes& notes) {
  {
    const MutexLock lock(mutex_);
    if (taken_.contains(task)) return Status::Ok();
    opening_ = task;
  }
  Result<Copy> made = MakeCopy(task, notes);
  MutexLock lock(mutex_);
  if (made.ok() && taken_.contains(task)) {
    lock.unlock();
    made = Copy();  // closed before the worker goes on
    lock.lock();
  }
  opening_.reset();
  opened_.notify_all();
  MR_RETURN_IF_ERROR(made.status());
  if (made->store == nullptr) return Status::Ok();
  for (const ChangelogPlace& place : made->places) {
    MR_RETURN_IF_ERROR(reader_->Add(place.changelog, place.applied));
    reading_[place.changelog] = task;
  }
  copies_.emplace(task, *std::move(made));
  return Status::Ok();
}

Result<StandbyKeeper::Copy> StandbyKeeper::MakeCopy(const TaskId& task, const StateNotes& notes) {
  const SubTopology& sub = context_.topology->sub_topologies[task.sub_topology];
  const StateStoreOptions options = TaskStoreOptions(context_, sub, task.partition);
  auto store = StateStore::Open(options, *context_.state_runtime);
  if (store.status().code() == StatusCode::kCorrupt) {
    Log(LogLevel::kWarning, "a standby does not verify; it is set aside and made anew",
        {{"directory", options.directory}, {"error", store.status()}});
    MR_RETURN_IF_ERROR(StateStore::SetAside(options.directory));
    store = StateStore::Open(options, *context_.state_runtime);
  }
  MR_RETURN_IF_ERROR(store.status());
  Copy copy;
  copy.no_rows = std::make_unique<NoRows>();
  copy.store = *std::move(store);
  for (const TableSpec& table : sub.tables)
    MR_RETURN_IF_ERROR(copy.store->AddTable(table.table, copy.no_rows.get()).status());
  MR_ASSIGN_OR_RETURN(
      copy.places, FindChangelogPlaces(
                       {.store = copy.store.get(), .sub = &sub, .partition = task.partition, .notes = &notes},
                       *reader_, cluster_.admin(), *context_.clock));
  return copy;
}

Status StandbyKeeper::KeepYoung() {
  std::vector<std::pair<TopicPartition, Offset>> old;
  {
    const MutexLock lock(mutex_);
    for (const auto& [task, copy] : copies_) {
      const std::optional<EventTime> written = copy.store->LastCommitted();
      if (!copy.warm || !written || context_.clock->Now().value() - written->value() < kYoungMs) continue;
      for (const ChangelogPlace& place : copy.places) old.emplace_back(place.changelog, place.applied);
    }
  }
  for (const auto& [changelog, applied] : old) {
    MR_ASSIGN_OR_RETURN(const auto bounds, reader_->Bounds(changelog));
    const MutexLock lock(mutex_);
    Copy* const copy = FindCopy(changelog);
    if (copy == nullptr || applied < bounds.second) continue;
    for (const ChangelogPlace& place : copy->places) {
      if (place.changelog == changelog && place.applied == applied)
        MR_RETURN_IF_ERROR(copy->store->ApplyChangelog(place.table, place.changelog_id, {}, applied));
    }
    copy->changed = true;
  }
  return Status::Ok();
}

// --- Following ---

Status StandbyKeeper::Follow(Duration wait) {
  MR_ASSIGN_OR_RETURN(const auto blocks, reader_->Poll(wait));
  const auto now = context_.clock->Steady();
  const bool write = now - written_ >= kWriteEvery;
  if (write) written_ = now;
  const MutexLock lock(mutex_);
  std::map<TaskId, Status> failed;
  for (const UndecodableRecords& lost : reader_->TakeUndecodable()) {
    if (FindCopy(lost.partition) == nullptr) continue;
    failed[reading_.at(lost.partition)] =
        Status::Corrupt("the changelog " + lost.partition.ToString() + " cannot be decoded at offset " +
                        std::to_string(lost.first.value()) + ": " + lost.message);
  }
  for (const auto& block : blocks) {
    Copy* const copy = FindCopy(block->partition());
    if (copy == nullptr || failed.contains(reading_.at(block->partition()))) continue;
    if (Status applied = Apply(*block, copy); !applied.ok())
      failed[reading_.at(block->partition())] = std::move(applied);
  }
  for (auto& [task, copy] : copies_) {
    if (failed.contains(task)) continue;
    Status noted = NoteProgress(task, &copy);
    if (noted.ok() && write && std::exchange(copy.changed, false)) noted = copy.store->WriteRestored();
    if (!noted.ok()) failed[task] = std::move(noted);
  }
  for (const auto& [task, why] : failed) GiveUp(task, why);
  return Status::Ok();
}

Status StandbyKeeper::Apply(const RecordBlock& block, Copy* copy) {
  for (ChangelogPlace& place : copy->places) {
    if (place.changelog != block.partition()) continue;
    // Blocks of a reading that ended may come after the next began.
    if (Offset(block.offsets().front()) < place.applied) return Status::Ok();
    copy->changed = true;
    records_.Add(block.num_records());
    return ApplyChangelog(block, *copy->store, &place);
  }
  return Status::Ok();
}

Status StandbyKeeper::NoteProgress(const TaskId& task, Copy* copy) {
  bool at_end = true;
  for (ChangelogPlace& place : copy->places) {
    // Behind the last record there may be transaction markers.
    if (const Offset position = reader_->Position(place.changelog); position > place.applied) {
      place.applied = position;
      copy->changed = true;
      MR_RETURN_IF_ERROR(copy->store->ApplyChangelog(place.table, place.changelog_id, {}, position));
    }
    at_end = at_end && place.applied >= place.end;
  }
  if (!at_end || copy->warm) return Status::Ok();
  MR_RETURN_IF_ERROR(copy->store->FinishRestore());
  copy->warm = true;
  copy->changed = false;
  Log(LogLevel::kInfo, "a standby is warm",
      {{"task", TaskName(context_.topology->sub_topologies[task.sub_topology], task.partition)},
       {"rows", copy->store->num_rows()}});
  return Status::Ok();
}

// --- Closing ---

void StandbyKeeper::StopReading() {
  std::vector<TopicPartition> left;
  {
    const MutexLock lock(mutex_);
    for (const auto& [changelog, task] : reading_) {
      if (!copies_.contains(task)) left.push_back(changelog);
    }
  }
  for (const TopicPartition& changelog : left) {
    reading_.erase(changelog);
    if (const Status removed = reader_->Remove(changelog); !removed.ok())
      Log(LogLevel::kWarning, "a changelog could not be let go",
          {{"changelog", changelog.ToString()}, {"error", removed}});
  }
}

StandbyKeeper::Copy* StandbyKeeper::FindCopy(const TopicPartition& changelog) {
  const auto task = reading_.find(changelog);
  const auto found = task == reading_.end() ? copies_.end() : copies_.find(task->second);
  return found == copies_.end() ? nullptr : &found->second;
}

void StandbyKeeper::GiveUp(const TaskId& task, const Status& why) {
  const SubTopology& sub = context_.topology->sub_topologies[task.sub_topology];
  const bool corrupt = copies_.at(task).store->corrupt();
  copies_.erase(task);
  Status left = why;
  if (corrupt) {
    const Status aside = StateStore::SetAside(TaskStoreOptions(context_, sub, task.partition).directory);
    if (!aside.ok()) left = aside;
  }
  Log(LogLevel::kWarning, "a standby is given up for now",
      {{"task", TaskName(sub, task.partition)}, {"in_ms", options_.refresh.count()}, {"error", left}});
}

void StandbyKeeper::CloseAll(const Status& why) {
  std::map<TaskId, Copy> copies;  // closed without the lock
  {
    const MutexLock lock(mutex_);
    copies.swap(copies_);
  }
  Log(LogLevel::kWarning, "standbys cannot be kept now; trying again",
      {{"standbys", copies.size()}, {"in_ms", options_.refresh.count()}, {"error", why}});
  reading_.clear();
  reader_.reset();
}

void StandbyKeeper::ShowMetrics() {
  const MutexLock lock(mutex_);
  tasks_.Set(static_cast<double>(copies_.size()));
  tasks_warm_.Set(static_cast<double>(
      std::count_if(copies_.begin(), copies_.end(), [](const auto& copy) { return copy.second.warm; })));
}

}  // namespace millrace
