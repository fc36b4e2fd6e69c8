#include "engine/savepoint/restored_offsets.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "runtime/first_run.h"
#include "runtime/input_clock.h"
#include "runtime/offset_metadata.h"
#include "runtime/start_position.h"
#include "runtime/state_notes.h"

namespace millrace {
namespace {

Result<OffsetMetadata> MetadataOf(const SavepointInput::At& at, const std::string& topic) {
  return ParseOffsetMetadata(at.metadata).WithContext("the saved offset of " + topic);
}

/// Of those that are known; StageOffsets::AskTasksWithoutClock asks about the others.
Watermark Lower(Watermark a, Watermark b) {
  if (a == kNoWatermark) return b;
  return b == kNoWatermark ? a : std::min(a, b);
}

/// The lowest clocks of all partitions of a saved input.
Result<InputClock> LowestClock(const SavepointInput& input) {
  InputClock lowest;
  for (const SavepointInput::At& at : input.partitions) {
    MR_ASSIGN_OR_RETURN(const OffsetMetadata metadata, MetadataOf(at, input.topic));
    if (metadata.time.empty()) continue;
    MR_ASSIGN_OR_RETURN(const InputClock clock, ParseInputClock(metadata.time));
    lowest.task = Lower(lowest.task, clock.task);
    lowest.own = Lower(lowest.own, clock.own);
  }
  return lowest;
}

/// The notes of sinks alone.
std::map<std::string, std::string> SinkNotes(std::map<std::string, std::string> notes) {
  RemoveTaskNotes(&notes);
  return notes;
}

using SinkNoteVisitor =
    std::function<void(std::size_t partition, const std::string& sink, const std::string& note)>;

Status VisitSinkNotes(const SavepointStage& stage, const SinkNoteVisitor& visit) {
  for (const SavepointInput& input : stage.inputs) {
    for (std::size_t p = 0; p < input.partitions.size(); ++p) {
      MR_ASSIGN_OR_RETURN(const OffsetMetadata metadata, MetadataOf(input.partitions[p], input.topic));
      for (const auto& [sink, note] : SinkNotes(metadata.notes)) visit(p, sink, note);
    }
  }
  return Status::Ok();
}

/// The offsets of one sub-topology.
class StageOffsets {
 public:
  StageOffsets(const RestoredOffsetsContext& context, const StageRestore& stage, RestoredOffsets* out)
      : context_(context), stage_(stage), sub_(*stage.sub), out_(*out) {}

  Status Add() {
    MR_RETURN_IF_ERROR(CountUpstreams());
    const auto& steps = context_.plan->steps;
    has_state_ = std::any_of(steps.begin(), steps.end(),
                             [this](const StepRestore& step) { return step.sub == stage_.sub; });
    for (const SavepointStage* from : stage_.from) {
      for (const SavepointInput& input : from->inputs) {
        MR_ASSIGN_OR_RETURN(const InputClock clock, LowestClock(input));
        lowest_ = Lower(lowest_, clock.task);
        MR_RETURN_IF_ERROR(ReadFirstRuns(input));
      }
    }
    if (stage_.same == nullptr) MR_RETURN_IF_ERROR(AskTasksWithoutClock());
    for (std::int32_t p = 0; p < sub_.partitions; ++p) MR_RETURN_IF_ERROR(AddPartition(Partition(p)));
    return Status::Ok();
  }

 private:
  Status ReadFirstRuns(const SavepointInput& input) {
    for (std::size_t p = 0; p < input.partitions.size(); ++p) {
      MR_ASSIGN_OR_RETURN(OffsetMetadata metadata, MetadataOf(input.partitions[p], input.topic));
      const std::optional<EventTime> first_run = TakeFirstRun(&metadata.notes);
      if (!first_run.has_value()) continue;
      first_runs_[p] = *first_run;
      first_run_ = std::min(first_run_.value_or(*first_run), *first_run);
    }
    return Status::Ok();
  }

  /// Of the same task; where keys come from several, the first of theirs.
  std::optional<EventTime> FirstRunFor(Partition partition) const {
    if (stage_.same == nullptr) return first_run_;
    const auto own = first_runs_.find(static_cast<std::size_t>(partition.value()));
    return own == first_runs_.end() ? std::nullopt : std::optional(own->second);
  }

  Status CountUpstreams() {
    MR_ASSIGN_OR_RETURN(const TaskProgram program, sub_.make_program(Partition(0), nullptr));
    for (const TaskProgram::Input& input : program.inputs)
      upstreams_[input.topic] = static_cast<std::size_t>(input.upstream_partitions);
    return Status::Ok();
  }

  /// A task that had no watermark holds the others back, unless there is nothing that could be late.
  Status AskTasksWithoutClock() {
    if (lowest_ == kNoWatermark) return Status::Ok();
    for (const SavepointStage* from : stage_.from) {
      for (std::int32_t p = 0; p < from->partitions; ++p) {
        MR_ASSIGN_OR_RETURN(const std::string what, RowsWithoutClock(*from, static_cast<std::size_t>(p)));
        if (what.empty()) continue;
        MR_RETURN_IF_ERROR(CheckNothingClosed(what));
        begins_unknown_ = true;
      }
    }
    return Status::Ok();
  }

  /// What a task has that its watermark would judge; "": it has one, or there is nothing.
  Result<std::string> RowsWithoutClock(const SavepointStage& from, std::size_t p) const {
    const bool has_rows = has_state_ && std::any_of(from.steps.begin(), from.steps.end(),
                                                    [](const auto& step) { return step.rows.rows > 0; });
    std::string what;
    for (const SavepointInput& input : from.inputs) {
      const SavepointInput::At& at = input.partitions.at(p);
      MR_ASSIGN_OR_RETURN(const OffsetMetadata metadata, MetadataOf(at, input.topic));
      if (!metadata.time.empty()) {
        MR_ASSIGN_OR_RETURN(const InputClock clock, ParseInputClock(metadata.time));
        if (clock.task != kNoWatermark) return std::string();
      }
      const std::string where = " partition " + std::to_string(p) + " of topic '" + input.topic + "'";
      MR_ASSIGN_OR_RETURN(const bool has_backlog, HasBacklog(input, p));
      if (input.in_flight_data > 0) what = "rows that are on their way, maybe to" + where;
      if (has_backlog) what = "records that are still to be read from" + where;
      if (has_rows && at.offset != kNoOffset && at.offset > Offset(0)) what = "state of" + where;
    }
    return what;
  }

  Result<bool> HasBacklog(const SavepointInput& input, std::size_t p) const {
    if (!input.step.empty()) return false;
    for (const StageRestore& stage : context_.plan->stages) {
      for (const InputRestore& now : stage.inputs) {
        if (now.saved != &input || now.from_start) continue;
        if (p >= static_cast<std::size_t>(stage.sub->partitions)) continue;
        MR_ASSIGN_OR_RETURN(const auto log,
                            context_.reader->Bounds({now.topic, Partition(static_cast<std::int32_t>(p))}));
        const Offset saved = input.partitions.at(p).offset;
        return log.second > (saved == kNoOffset ? log.first : saved);
      }
    }
    return false;
  }

  /// Windows that share rows leave no trace when they close: what closed is only known by the watermark.
  Status CheckNothingClosed(const std::string& what) const {
    for (const StepRestore& step : context_.plan->steps) {
      if (step.sub != stage_.sub || step.step->windows.every_ms == 0 || step.step->rows.rows == 0) continue;
      return Status::InvalidArgument(
          "step '" + step.step->name + "': its windows overlap and share state, and there are " + what +
          ", which had no watermark when the savepoint was made, while windows of other partitions had "
          "closed; write a record with an event time to that partition, let the pipeline read everything and "
          "save it again, or leave the state of the step out");
    }
    return Status::Ok();
  }

  Status AddPartition(Partition partition) {
    std::map<std::string, std::string> notes;
    MR_RETURN_IF_ERROR(TakeSinkNotes(partition, &notes));
    std::map<std::string, std::string> ids;
    for (const TableSpec& table : sub_.tables) ids[table.table] = context_.changelog_ids.at(table.table);
    StateNotes(sub_).AddTo(ids, &notes);
    if (const auto first_run = FirstRunFor(partition); first_run.has_value()) AddFirstRun(*first_run, &notes);
    for (const InputRestore& input : stage_.inputs) {
      if (input.saved == nullptr && !has_state_) continue;  // as a pipeline that begins
      const TopicPartition at{input.topic, partition};
      MR_ASSIGN_OR_RETURN(const std::optional<Offset> offset, OffsetOf(input, at));
      if (!offset.has_value()) continue;
      OffsetMetadata metadata;
      MR_ASSIGN_OR_RETURN(metadata.time, TimeOf(input, partition));
      metadata.notes = std::exchange(notes, {});  // of the task: beside its first input
      MR_RETURN_IF_ERROR(KeepBegun(input, partition, &metadata.notes));
      out_.offsets.push_back({at, *offset, FormatOffsetMetadata(metadata)});
    }
    return Status::Ok();
  }

  static const SavepointInput::At* SavedAt(const InputRestore& input, Partition partition) {
    const auto at = static_cast<std::size_t>(partition.value());
    if (input.saved == nullptr) return nullptr;
    return at < input.saved->partitions.size() ? &input.saved->partitions[at] : nullptr;
  }

  /// nullopt: nothing is committed, as it was.
  Result<std::optional<Offset>> OffsetOf(const InputRestore& input, const TopicPartition& at) {
    MR_ASSIGN_OR_RETURN(const auto log, context_.reader->Bounds(at));
    if (!input.step.empty()) return std::optional(log.second);  // what is on its way is written there
    const SavepointInput::At* const saved = SavedAt(input, at.partition);
    if (input.from_start || saved == nullptr) return std::optional(log.first);
    if (saved->offset == kNoOffset) {
      return stage_.same != nullptr ? std::optional<Offset>() : std::optional(log.first);
    }
    if (saved->offset > log.second) {
      return Status::InvalidArgument("the savepoint goes on at offset " +
                                     std::to_string(saved->offset.value()) + " of " + at.ToString() +
                                     ", but that ends at " + std::to_string(log.second.value()) +
                                     ": it is not the topic that was read");
    }
    if (saved->offset < log.first) {
      out_.warnings.push_back("records of " + at.ToString() + " were removed before they were read: " +
                              std::to_string(log.first.value() - saved->offset.value()) +
                              " offsets are lost when the pipeline starts");
    }
    return std::optional(saved->offset);
  }

  Result<std::string> TimeOf(const InputRestore& input, Partition partition) const {
    const SavepointInput::At* const saved = SavedAt(input, partition);
    InputClock clock;
    if (stage_.same != nullptr) {
      MR_ASSIGN_OR_RETURN(const OffsetMetadata metadata, MetadataOf(*saved, input.topic));
      if (metadata.time.empty() || context_.plan->all_same()) return metadata.time;
      MR_ASSIGN_OR_RETURN(clock, ParseInputClock(metadata.time));
    } else {
      if (input.saved != nullptr) {
        MR_ASSIGN_OR_RETURN(clock, LowestClock(*input.saved));
      }
      clock.task = lowest_;  // also of an input that is new: what closed stays closed
      if (begins_unknown_) clock = {};
    }
    // Each upstream partition reports anew.
    clock.upstreams.assign(upstreams_.at(input.topic), {});
    return FormatInputClock(clock);
  }

  /// What sinks staged and not published: the task of the same number does it, whatever its sinks are now.
  Status TakeSinkNotes(Partition partition, std::map<std::string, std::string>* notes) {
    for (const SavepointStage* from : stage_.from) {
      MR_RETURN_IF_ERROR(
          VisitSinkNotes(*from, [&](std::size_t p, const std::string& sink, const std::string& note) {
            const bool own = p == static_cast<std::size_t>(partition.value());
            if (own && context_.same_pipeline) notes->emplace(sink, note);
          }));
    }
    return Status::Ok();
  }

  /// Which partitions count as added later (StartPosition::begun).
  Status KeepBegun(const InputRestore& input, Partition partition,
                   std::map<std::string, std::string>* notes) const {
    const SavepointInput::At* const saved = SavedAt(input, partition);
    if (!input.step.empty() || input.from_start || saved == nullptr) return Status::Ok();
    MR_ASSIGN_OR_RETURN(const OffsetMetadata metadata, MetadataOf(*saved, input.topic));
    if (const auto begun = metadata.notes.find(std::string(kBegunNote)); begun != metadata.notes.end())
      notes->insert(*begun);
    return Status::Ok();
  }

  const RestoredOffsetsContext& context_;
  const StageRestore& stage_;
  const SubTopology& sub_;
  RestoredOffsets& out_;
  std::map<std::string, std::size_t> upstreams_;  // by input topic
  Watermark lowest_ = kNoWatermark;               // of the tasks that the keys come from
  std::map<std::size_t, EventTime> first_runs_;   // by partition of the saved stage
  std::optional<EventTime> first_run_;
  bool begins_unknown_ = false;  // some had no watermark, and rows
  bool has_state_ = false;       // rows are restored into it
};

/// The notes of sinks that no task takes over.
Status WarnOfSinks(const RestoredOffsetsContext& context, RestoredOffsets* out) {
  for (const SavepointStage& stage : context.manifest->stages) {
    std::size_t tasks = 0;
    for (const StageRestore& restored : context.plan->stages) {
      const bool counts =
          std::find(restored.from.begin(), restored.from.end(), &stage) != restored.from.end();
      if (counts && context.same_pipeline)
        tasks = std::max<std::size_t>(tasks, static_cast<std::size_t>(restored.sub->partitions));
    }
    MR_RETURN_IF_ERROR(VisitSinkNotes(stage, [&](std::size_t p, const std::string& sink, const std::string&) {
      if (p < tasks) return;
      out->warnings.push_back(
          "what sink '" + sink + "' had staged on partition " + std::to_string(p) +
          " and not published is not published by this pipeline; one that stopped in good "
          "order has published everything");
    }));
  }
  return Status::Ok();
}

}  // namespace

Result<RestoredOffsets> OffsetsToRestore(const RestoredOffsetsContext& context) {
  RestoredOffsets out;
  for (const StageRestore& stage : context.plan->stages)
    MR_RETURN_IF_ERROR(StageOffsets(context, stage, &out).Add());
  MR_RETURN_IF_ERROR(WarnOfSinks(context, &out));
  return out;
}

}  // namespace millrace
