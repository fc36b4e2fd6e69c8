#include "runtime/task.h"

#include <algorithm>

#include "base/log.h"
#include "runtime/changelog_writer.h"
#include "runtime/first_run.h"
#include "runtime/offset_metadata.h"

namespace millrace {
namespace {

constexpr const char* kSource = "source";  // how dead letters and metrics name what reads input
constexpr int kMostBeside = 9;             // directories of one task on one machine
// A process that dies in a quiet time forgets so much of its clock at most.
constexpr std::chrono::seconds kIdleClockCommit{10};
// Tasks behind a repartition topic learn a clock that moves for nobody else so often at most: each report is
// a record to each of its partitions.
constexpr std::chrono::seconds kIdleClockReport{1};

}  // namespace

Result<std::unique_ptr<Task>> Task::Make(TaskId id, const TaskContext& context) {
  std::unique_ptr<Task> task(new Task(id, context));
  MR_RETURN_IF_ERROR(task->Open().WithContext("task " + task->name_));
  return task;
}

Task::Task(TaskId id, const TaskContext& context)
    : id_(id),
      context_(context),
      sub_(context.topology->sub_topologies[id.sub_topology]),
      name_(TaskName(sub_, id.partition)),
      state_metrics_(*context.metrics, *context.clock),
      source_metrics_(*context.metrics, kSource),
      state_notes_(sub_),
      dead_letters_(context.topology->dead_letter_topic, *context.clock, *context.metrics) {}

Task::~Task() = default;

Result<std::unique_ptr<StateStore>> Task::OpenStore() {
  StateStoreOptions options = TaskStoreOptions(context_, sub_, id_.partition);
  auto opened = StateStore::Open(options, *context_.state_runtime);
  // The holder no longer owns the partition, or it would not have come to us: go beside it and restore.
  for (int beside = 2;
       !opened.ok() && opened.status().code() == StatusCode::kAlreadyExists && beside <= kMostBeside;
       ++beside) {
    options.directory = context_.state_dir + "/" + name_ + "-" + std::to_string(beside);
    opened = StateStore::Open(options, *context_.state_runtime);
  }
  state_directory_ = options.directory;
  if (opened.ok() || opened.status().code() != StatusCode::kCorrupt) return opened;
  MR_RETURN_IF_ERROR(SetStateAside(opened.status()));
  return StateStore::Open(options, *context_.state_runtime);
}

Status Task::SetStateAside(const Status& why) {
  Log(LogLevel::kError, "state does not verify; it is set aside and rebuilt from the changelog",
      {{"directory", state_directory_}, {"error", why}});
  context_.metrics
      ->GetCounter("millrace_state_rebuilds_total", "State directories rebuilt because they did not verify.")
      .Add(1);
  chain_.reset();
  store_.reset();
  return StateStore::SetAside(state_directory_);
}

// What does not verify may show only when tables are read.
Result<TaskProgram> Task::MakeProgram() {
  auto made = sub_.make_program(id_.partition, store_.get());
  if (made.ok() || !state_is_corrupt()) return made;
  MR_RETURN_IF_ERROR(SetStateAside(made.status()));
  MR_ASSIGN_OR_RETURN(store_, OpenStore());
  return sub_.make_program(id_.partition, store_.get());
}

Status Task::Open() {
  if (!sub_.tables.empty()) {
    MR_ASSIGN_OR_RETURN(store_, OpenStore());
  }
  MR_ASSIGN_OR_RETURN(TaskProgram program, MakeProgram());
  for (const TableSpec& table : sub_.tables) {
    changelog_bytes_[table.table] = &context_.metrics->GetCounter(
        "millrace_changelog_bytes_total", "Bytes of keys and values written to changelog topics.",
        {{"step", table.table}});
  }
  inputs_ = std::move(program.inputs);
  publish_note_ = std::move(program.publish_note);
  std::vector<std::int32_t> upstreams;
  for (const TaskProgram::Input& input : inputs_) {
    input_partitions_.push_back({input.topic, id_.partition});
    upstreams.push_back(input.upstream_partitions);
  }
  positions_.assign(inputs_.size(), kNoOffset);
  begun_.resize(inputs_.size());
  tracker_ = std::make_unique<WatermarkTracker>(std::move(upstreams), context_.topology->time);
  chain_ =
      std::make_unique<Chain>(std::move(program.nodes), dead_letters_, *context_.metrics, *context_.clock);
  return Status::Ok();
}

std::size_t Task::InputIndex(const std::string& topic) const {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i].topic == topic) return i;
  }
  MR_CHECK(false) << "task " << sub_.name << " does not read " << topic;
  return 0;
}

Status Task::LoadNotes(const std::vector<CommittedOffset>& committed) {
  bool has_run = false;
  for (const CommittedOffset& at : committed) {
    MR_ASSIGN_OR_RETURN(
        OffsetMetadata metadata,
        ParseOffsetMetadata(at.metadata).WithContext("committed offset of " + at.partition.ToString()));
    notes_.merge(metadata.notes);
    has_run = has_run || metadata.has_run();
  }
  state_notes_.Take(&notes_);
  const std::optional<EventTime> first_run = TakeFirstRun(&notes_);
  if (chain_->uses_first_run()) {
    first_run_ = first_run;
    needs_first_run_ = !has_run && context_.first_run_is_now;
  }
  RemoveTaskNotes(&notes_);
  noted_ = !notes_.empty();
  return Status::Ok();
}

Status Task::FindFirstRun(const std::vector<CommittedOffset>& partitions) {
  MR_ASSIGN_OR_RETURN(first_run_, FirstRunOf(partitions, context_.clock->Now()));
  progress_ = progress_ || first_run_.has_value();  // committed though nothing comes
  return Status::Ok();
}

std::vector<std::pair<TableSpec, std::string>> Task::ChangelogsOfMovedTables() const {
  std::vector<std::pair<TableSpec, std::string>> moved;
  for (const auto& [table, id] : state_notes_.Others()) {
    for (const SubTopology& sub : context_.topology->sub_topologies) {
      for (const TableSpec& known : sub.tables) {
        if (known.table == table) moved.emplace_back(known, id);
      }
    }
  }
  return moved;
}

bool Task::has_state() const {
  return std::any_of(sub_.tables.begin(), sub_.tables.end(), [this](const TableSpec& table) {
    return store_->ChangelogOffset(table.table).value_or(Offset(0)) > Offset(0);
  });
}

Status Task::LoadPosition(const CommittedOffset& committed, const StartPosition& start) {
  const std::size_t input = InputIndex(committed.partition.topic);
  positions_[input] = start.offset;
  begun_[input] = start.begun;
  progress_ = progress_ || start.is_end;
  MR_ASSIGN_OR_RETURN(const OffsetMetadata metadata,
                      ParseOffsetMetadata(committed.metadata)
                          .WithContext("committed offset of " + committed.partition.ToString()));
  return tracker_->Load(input, metadata.time, SteadyMs(*context_.clock))
      .WithContext("committed offset of " + committed.partition.ToString());
}

Status Task::Ready(Producer* producer) {
  tracker_->FinishLoad();
  if (first_run_.has_value()) chain_->SetFirstRun(*first_run_);
  chain_->RestoreTime(tracker_->watermark());
  set_producer(producer);
  RefreshMetrics();
  return chain_->Recover(notes_, publish_note_);
}

void Task::set_producer(Producer* producer) {
  dead_letters_.set_producer(producer);
  chain_->set_producer(producer);
}

Status Task::Process(std::shared_ptr<const RecordBlock> block) {
  const std::size_t input = InputIndex(block->partition().topic);
  MR_CHECK(block->partition().partition == id_.partition);
  if (block->num_records() > 0) MR_RETURN_IF_ERROR(ProcessRecords(input, block));
  positions_[input] = block->next_offset();
  progress_ = true;
  return Status::Ok();
}

Status Task::ProcessRecords(std::size_t input, const std::shared_ptr<const RecordBlock>& block) {
  MR_CHECK(block->offsets().front() >= positions_[input].value())
      << block->partition() << " goes back from " << positions_[input] << " to " << block->offsets().front();
  MR_ASSIGN_OR_RETURN(InputItems items, inputs_[input].reader->Read(block));
  const bool is_source = inputs_[input].upstream_partitions == 0;
  if (is_source) source_metrics_.rows_in.Add(block->num_records());
  if (!items.errors.empty()) {
    std::vector<std::int64_t> records;
    for (const RowError& error : items.errors) records.push_back(error.row);
    MR_RETURN_IF_ERROR(
        dead_letters_.Handle(inputs_[input].on_error, kSource, block.get(), records, items.errors));
    if (is_source) {
      source_metrics_.CountFailed(inputs_[input].on_error, static_cast<std::int64_t>(items.errors.size()));
    }
  }
  for (auto& item : items.items) {
    if (auto* batch = std::get_if<Batch>(&item)) {
      MR_RETURN_IF_ERROR(ProcessBatch(input, std::move(*batch), *block));
    } else {
      MR_RETURN_IF_ERROR(tracker_->Report(input, std::get<WatermarkReport>(item)));
      MR_RETURN_IF_ERROR(chain_->AdvanceTime(tracker_->watermark()));
    }
  }
  return Status::Ok();
}

Status Task::PassOver(const UndecodableRecords& records) {
  const std::size_t input = InputIndex(records.partition.topic);
  MR_RETURN_IF_ERROR(dead_letters_.HandleUndecodable(inputs_[input].on_error, records));
  positions_[input] = std::max(positions_[input], records.next);
  progress_ = true;
  return Status::Ok();
}

Status Task::ProcessBatch(std::size_t input, Batch batch, const RecordBlock& block) {
  if (inputs_[input].upstream_partitions == 0) {
    using Tombstones = WatermarkTracker::Tombstones;
    source_metrics_.rows_out.Add(batch.num_rows());
    MR_RETURN_IF_ERROR(tracker_->Observe(
        input, SteadyMs(*context_.clock), &batch,
        inputs_[input].tombstones_have_time ? Tombstones::kHaveTime : Tombstones::kHaveNone));
  } else {
    tracker_->Stamp(&batch);
  }
  for (const std::size_t entry : inputs_[input].entries) {
    MR_RETURN_IF_ERROR(chain_->Push(entry, batch).WithContext(block.partition().ToString()));
  }
  return chain_->AdvanceTime(tracker_->watermark());
}

Status Task::CheckIdle(const std::vector<bool>& at_end) {
  const bool was_idle = tracker_->idle();
  const bool moved = tracker_->CheckIdle(*context_.clock, at_end);
  if (tracker_->idle() != was_idle) progress_ = true;
  if (!moved) return Status::Ok();
  if (!clock_moved_at_.has_value()) clock_moved_at_ = context_.clock->Steady();
  return chain_->AdvanceTime(tracker_->watermark());
}

bool Task::needs_commit() const {
  if (progress_ || chain_->CheckpointDue()) return true;
  if (!clock_moved_at_.has_value()) return false;
  if (is_dirty() || chain_->has_output()) return true;
  const auto now = context_.clock->Steady();
  if (chain_->reports_time() && now - committed_at_.value_or(*clock_moved_at_) >= kIdleClockReport)
    return true;
  return now - *clock_moved_at_ >= kIdleClockCommit;
}

Status Task::Prepare(Producer& producer) {
  MR_RETURN_IF_ERROR(chain_->Prepare(tracker_->watermark(), tracker_->idle()));
  return store_ == nullptr ? Status::Ok() : WriteChangelogs(producer);
}

Status Task::WriteChangelogs(Producer& producer) {
  ChangelogWriter writer(sub_, id_.partition, context_.clock->Now().value(), &producer);
  MR_RETURN_IF_ERROR(
      store_->CollectDirty([&writer](const ChangelogEntry& entry) { return writer.Add(entry); }));
  MR_RETURN_IF_ERROR(writer.Finish());
  for (const auto& [table, bytes] : writer.bytes()) changelog_bytes_.at(std::string(table))->Add(bytes);
  return Status::Ok();
}

void Task::RefreshMetrics() {
  if (store_ != nullptr) state_metrics_.Refresh(*store_);
}

std::vector<CommittedOffset> Task::Offsets() const {
  std::map<std::string, std::string> changelog_ids;
  for (const TableSpec& table : sub_.tables) changelog_ids[table.table] = store_->ChangelogId(table.table);
  std::vector<CommittedOffset> out;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    OffsetMetadata metadata{.time = tracker_->Save(i), .notes = {}};
    if (i == 0) {
      metadata.notes = chain_->Notes();
      state_notes_.AddTo(changelog_ids, &metadata.notes);
      if (first_run_.has_value()) AddFirstRun(*first_run_, &metadata.notes);
      if (store_ != nullptr && !context_.http_address.empty())
        metadata.notes.emplace(kHttpNote, context_.http_address);
    }
    if (begun_[i].has_value()) metadata.notes.emplace(kBegunNote, std::to_string(*begun_[i]));
    out.push_back({input_partitions_[i], positions_[i], FormatOffsetMetadata(metadata)});
  }
  return out;
}

Status Task::Commit(const Producer& producer) {
  if (store_ != nullptr) {
    std::map<std::string, Offset> ends;
    for (const auto& [table, partition] : ChangelogsOf(sub_, id_.partition)) {
      if (const Offset end = producer.AcknowledgedEnd(partition); end != kNoOffset) ends[table] = end;
    }
    MR_RETURN_IF_ERROR(store_->CommitDirty(ends));
  }
  progress_ = false;
  clock_moved_at_.reset();
  committed_at_ = context_.clock->Steady();
  noted_ = !chain_->Notes().empty();
  return chain_->Commit();
}

Status Task::Publish() {
  MR_RETURN_IF_ERROR(chain_->Publish());
  progress_ = progress_ || noted_;
  return Status::Ok();
}

Status Task::Answer(const StateQuery& query, StateAnswer* answer) {
  const auto is_asked = [&](const TableSpec& table) { return table.table == query.step; };
  if (std::none_of(sub_.tables.begin(), sub_.tables.end(), is_asked)) return Status::Ok();
  answer->partitions.push_back(id_.partition);
  RowQuery left = query.rows;
  left.limit -= static_cast<std::int64_t>(answer->rows.size());
  MR_ASSIGN_OR_RETURN(
      const bool more,
      store_->Select(query.step, left, [&](std::int64_t slice, std::string_view key, std::string_view row) {
        answer->rows.push_back({id_.partition, slice, std::string(key), std::string(row)});
        return Status::Ok();
      }));
  answer->more = answer->more || more;
  return Status::Ok();
}

Status Task::Abandon() { return chain_->Rollback(); }

Status Task::Close() { return chain_->Close(); }

}  // namespace millrace
