#include "engine/savepoint/restore_savepoint.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include <arrow/api.h>

#include "compile/repartition.h"
#include "connect/murmur2.h"
#include "engine/group_activity.h"
#include "engine/pipeline_setup.h"
#include "engine/savepoint/create_savepoint.h"
#include "engine/savepoint/key_placement.h"
#include "engine/savepoint/log_reading.h"
#include "engine/savepoint/pipeline_shape.h"
#include "engine/savepoint/record_file.h"
#include "engine/savepoint/restored_offsets.h"
#include "engine/savepoint/savepoint_folder.h"
#include "engine/savepoint/shared_windows.h"
#include "engine/savepoint/state_file.h"
#include "env/crash_point.h"
#include "env/thread.h"

namespace millrace {
namespace {

constexpr Duration kPatience{10'000};
constexpr Duration kPause{200};

/// One restore.
class Restore {
 public:
  Restore(const Plan& plan, Cluster& cluster, const Clock& clock, std::string folder)
      : plan_(plan), cluster_(cluster), clock_(clock), folder_(std::move(folder)) {}

  Result<RestoreReport> Run(const RestoreChoice& choice) {
    MR_RETURN_IF_ERROR(CheckNobodyRuns(plan_.name, *cluster_.groups()));
    MR_ASSIGN_OR_RETURN(manifest_, OpenSavepoint(folder_));
    MR_RETURN_IF_ERROR(VerifySavepoint(folder_, manifest_));
    MR_ASSIGN_OR_RETURN(shape_, ShapeNow(plan_, cluster_, clock_));
    MR_ASSIGN_OR_RETURN(const auto topic_ids, SourceIds());
    MR_ASSIGN_OR_RETURN(restore_, PlanRestore(manifest_, shape_.topology, topic_ids, choice));
    report_.dropped = restore_.dropped;
    MR_RETURN_IF_ERROR(CheckBeforeTopics());
    SetupOptions setup;
    setup.clock = &clock_;
    MR_RETURN_IF_ERROR(SetUpPipeline(plan_, cluster_, setup).status());
    MR_RETURN_IF_ERROR(PrepareInTime());
    MR_RETURN_IF_ERROR(producer_->Begin());
    const Status written = Write();
    if (!written.ok()) {
      // What the abort says adds nothing: without it the transaction ends by its time-out.
      if (written.code() != StatusCode::kOutcomeUnknown && written.code() != StatusCode::kFenced)
        (void)producer_->Abort();
      return written;
    }
    CrashPoint("restore_written");
    const Status committed = producer_->Commit();
    if (committed.code() == StatusCode::kOutcomeUnknown) {
      return Status::OutcomeUnknown(
          committed.message() +
          "; it is not known whether the savepoint was restored: run 'millrace reset "
          "FILE --yes' and restore it again");
    }
    MR_RETURN_IF_ERROR(committed);
    return std::move(report_);
  }

 private:
  Result<std::map<std::string, std::string>> SourceIds() const {
    std::map<std::string, std::string> ids;
    for (const SubTopology& sub : shape_.topology.sub_topologies) {
      for (const std::string& topic : sub.input_topics) {
        MR_ASSIGN_OR_RETURN(const auto found, cluster_.admin().Describe(topic));
        if (found.has_value()) ids[topic] = found->topic_id;
      }
    }
    return ids;
  }

  /// What can be checked without the topics that the pipeline needs: a refusal makes none.
  Status CheckBeforeTopics() {
    // Ends what an earlier restore that was cut off has left: its offsets would be waited for.
    MR_ASSIGN_OR_RETURN(producer_, cluster_.MakeProducer(plan_.name + "-savepoint"));
    MR_RETURN_IF_ERROR(producer_->Init());
    MR_RETURN_IF_ERROR(CheckNoOffsets());
    for (const StepRestore& step : restore_.steps) {
      if (step.moves)
        MR_RETURN_IF_ERROR(
            CheckSharedWindows(*step.stage, *step.step).WithContext("step '" + step.step->name + "'"));
    }
    return Status::Ok();
  }

  /// Partitions that were made a moment ago may have no leader yet, or not be known everywhere.
  Status PrepareInTime() {
    const auto begin = clock_.Steady();
    while (true) {
      const Status prepared = Prepare();
      if (prepared.ok()) return prepared;
      const bool may_pass =
          prepared.error_class() == ErrorClass::kRetryable || prepared.code() == StatusCode::kNotFound;
      if (!may_pass) return prepared;
      if (clock_.Steady() - begin > kPatience) return prepared;
      StopToken().WaitFor(kPause);
    }
  }

  /// Everything else that is checked before anything is written. Can be called again.
  Status Prepare() {
    MR_ASSIGN_OR_RETURN(reader_, cluster_.MakeChangelogReader());
    for (const NewTopic& topic : shape_.topology.internal_topics) MR_RETURN_IF_ERROR(CheckEmpty(topic));
    RestoredOffsetsContext context;
    context.manifest = &manifest_;
    context.plan = &restore_;
    context.reader = reader_.get();
    MR_ASSIGN_OR_RETURN(context.changelog_ids, ChangelogIds());
    context.same_pipeline = manifest_.pipeline == plan_.name;
    MR_ASSIGN_OR_RETURN(RestoredOffsets restored, OffsetsToRestore(context));
    offsets_ = std::move(restored.offsets);
    report_.warnings = restore_.warnings;
    report_.warnings.insert(report_.warnings.end(), restored.warnings.begin(), restored.warnings.end());
    report_.offsets = static_cast<std::int64_t>(offsets_.size());
    for (const StageRestore& stage : restore_.stages) MR_RETURN_IF_ERROR(CheckBacklog(stage));
    return Status::Ok();
  }

  Status HasState(const std::string& what) const {
    return Status::AlreadyExists("pipeline '" + plan_.name + "' has state already (" + what +
                                 "), which a savepoint does not replace; drop it with 'millrace reset FILE "
                                 "--yes' first, or restore under another name");
  }

  /// Offsets that `reset` moved have no metadata; those that a run committed have.
  Status CheckNoOffsets() const {
    MR_ASSIGN_OR_RETURN(const auto member, cluster_.MakeGroupMember(plan_.name, "millrace-savepoint"));
    std::vector<TopicPartition> partitions;
    for (const SubTopology& sub : shape_.topology.sub_topologies) {
      for (const std::string& topic : sub.input_topics) {
        MR_ASSIGN_OR_RETURN(const auto found, cluster_.admin().Describe(topic));
        if (!found.has_value()) continue;  // so it has no offsets
        for (std::int32_t p = 0; p < sub.partitions; ++p) partitions.push_back({topic, Partition(p)});
      }
    }
    MR_ASSIGN_OR_RETURN(const auto committed, member->Committed(partitions));
    for (const CommittedOffset& at : committed) {
      if (!at.metadata.empty()) return HasState("it has committed an offset of " + at.partition.ToString());
    }
    return Status::Ok();
  }

  Status CheckEmpty(const NewTopic& topic) {
    for (std::int32_t p = 0; p < topic.partitions; ++p) {
      const TopicPartition partition{topic.name, Partition(p)};
      MR_ASSIGN_OR_RETURN(const auto bounds, reader_->Bounds(partition));
      MR_RETURN_IF_ERROR(ReadUpTo(*reader_, partition, bounds.first, bounds.second, [&](const RecordBlock&) {
        return HasState(partition.ToString() + " has records");
      }));
    }
    return Status::Ok();
  }

  Result<std::map<std::string, std::string>> ChangelogIds() const {
    std::map<std::string, std::string> ids;
    for (const SubTopology& sub : shape_.topology.sub_topologies) {
      for (const TableSpec& table : sub.tables) {
        MR_ASSIGN_OR_RETURN(const auto topic, cluster_.admin().Describe(table.changelog_topic));
        if (!topic.has_value()) return Status::NotFound("there is no topic '" + table.changelog_topic + "'");
        ids[table.table] = topic->topic_id;
      }
    }
    return ids;
  }

  /// State is placed by message key as Kafka's own clients do it: the records that are still to be read must
  /// be, too, or rows of one key would meet other state than theirs.
  Status CheckBacklog(const StageRestore& stage) {
    const bool by_message_key =
        std::any_of(restore_.steps.begin(), restore_.steps.end(), [&stage](const StepRestore& step) {
          return step.sub == stage.sub && step.moves && step.table->place.by == KeyPlace::By::kMessageKey;
        });
    const std::int32_t partitions = stage.sub->partitions;
    if (!by_message_key || partitions == 1) return Status::Ok();
    for (const CommittedOffset& at : offsets_) {
      const auto& topics = stage.sub->input_topics;
      if (std::find(topics.begin(), topics.end(), at.partition.topic) == topics.end()) continue;
      MR_ASSIGN_OR_RETURN(const auto bounds, reader_->Bounds(at.partition));
      MR_RETURN_IF_ERROR(ReadUpTo(*reader_, at.partition, std::max(at.offset, bounds.first), bounds.second,
                                  [&](const RecordBlock& block) { return CheckKeys(block, partitions); }));
    }
    return Status::Ok();
  }

  static Status CheckKeys(const RecordBlock& block, std::int32_t partitions) {
    for (std::size_t i = 0; i < block.keys().size(); ++i) {
      const BytesView key = block.keys()[i];
      if (key.is_null()) continue;
      const Partition wanted = PartitionOfKey(key.view(), partitions);
      if (wanted == block.partition().partition) continue;
      return Status::InvalidArgument(
          block.partition().ToString() + " offset " + std::to_string(block.offsets()[i]) +
          ": the key of this record belongs into partition " + std::to_string(wanted.value()) + " of " +
          std::to_string(partitions) +
          ", so state cannot be placed by it: it was written before partitions were added, or not by murmur2 "
          "of the key; let the old pipeline read to the end before the savepoint, or group without 'key:'");
    }
    return Status::Ok();
  }

  Status Write() {
    GroupAdmin& groups = *cluster_.groups();
    std::vector<TopicPartition> partitions;
    for (const CommittedOffset& at : offsets_) partitions.push_back(at.partition);
    MR_ASSIGN_OR_RETURN(const auto token, groups.EmptyGroupToken(plan_.name, partitions));
    // First: whoever joins the group from now on waits for this transaction.
    MR_RETURN_IF_ERROR(producer_->SendOffsets(offsets_, *token));
    MR_RETURN_IF_ERROR(CheckNobodyRuns(plan_.name, groups));
    for (const StepRestore& step : restore_.steps) {
      MR_RETURN_IF_ERROR(WriteState(step).WithContext("step '" + step.step->name + "'"));
    }
    for (const StageRestore& stage : restore_.stages) {
      for (const InputRestore& input : stage.inputs) {
        if (input.saved != nullptr && !input.step.empty()) MR_RETURN_IF_ERROR(WriteInFlight(stage, input));
      }
    }
    return producer_->Flush();
  }

  Status WriteState(const StepRestore& step) {
    std::unique_ptr<KeyPlacement> place;
    std::unique_ptr<KeyPlacement> evidence;
    if (step.moves) {
      MR_ASSIGN_OR_RETURN(place,
                          KeyPlacement::Make(step.step->layout, step.table->place, step.sub->partitions));
      const KeyPlace& before = step.step->place;
      if (step.table->place.by == KeyPlace::By::kMessageKey && before.by == KeyPlace::By::kMessageKey) {
        MR_ASSIGN_OR_RETURN(evidence, KeyPlacement::Make(step.step->layout, before, step.stage->partitions));
      }
    }
    RestoreReport::Step& done = report_.steps.emplace_back();
    done.name = step.table->table;
    done.moved = step.moves;
    return ReadStateFile(
        folder_ + "/" + step.step->rows.name, step.stage->partitions, [&](const StateRows& rows) -> Status {
          std::vector<std::int32_t> partitions(rows.partitions->raw_values(),
                                               rows.partitions->raw_values() + rows.partitions->length());
          if (evidence != nullptr) {
            MR_ASSIGN_OR_RETURN(const auto expected, evidence->PartitionsOf(*rows.keys));
            if (expected != partitions) return NotByMurmur2(step);
          }
          if (place != nullptr) {
            MR_ASSIGN_OR_RETURN(partitions, place->PartitionsOf(*rows.keys));
          }
          done.rows += rows.keys->length();
          return SendState(step.table->changelog_topic, rows, partitions);
        });
  }

  static Status NotByMurmur2(const StepRestore& step) {
    return Status::InvalidArgument(
        "its rows lie in partitions that murmur2 of the message key does not choose among " +
        std::to_string(step.stage->partitions) + ", so they cannot be placed among " +
        std::to_string(step.sub->partitions) +
        ": the source topic is written with another partitioner; keep that topic with its partition count, "
        "or "
        "group without 'key:'");
  }

  Status SendState(const std::string& topic, const StateRows& rows,
                   const std::vector<std::int32_t>& partitions) {
    const std::int64_t now_ms = clock_.Now().value();
    for (std::int64_t i = 0; i < rows.keys->length(); ++i) {
      OutgoingRecord record;
      record.topic = topic;
      record.partition = Partition(partitions[static_cast<std::size_t>(i)]);
      record.key = BytesView::Of(rows.keys->GetView(i));
      record.value = BytesView::Of(rows.rows->GetView(i));
      record.timestamp_ms = now_ms;
      MR_RETURN_IF_ERROR(producer_->Send(record));
    }
    return Status::Ok();
  }

  /// Rows go on to the partitions of their keys; what was reported of watermarks goes only where each
  /// partition is what it was.
  Status WriteInFlight(const StageRestore& stage, const InputRestore& input) {
    MR_ASSIGN_OR_RETURN(const TaskProgram program, stage.sub->make_program(Partition(0), nullptr));
    InputReader& reader = *program.inputs.front().reader;
    const auto sink = MakeRepartitionSink(
        {.topic = input.topic, .partitions = stage.sub->partitions, .upstream = Partition(0)}, clock_);
    std::vector<RowError> errors;
    SinkContext context;
    context.producer = producer_.get();
    context.errors = &errors;
    const std::string path = folder_ + "/" + input.saved->in_flight.name;
    const auto saved_partitions = static_cast<std::int32_t>(input.saved->partitions.size());
    return ReadRecordFile(path, input.saved->topic, saved_partitions,
                          [&](std::shared_ptr<const RecordBlock> block) -> Status {
                            // Read in any case: rows that this pipeline cannot read would stop it.
                            MR_ASSIGN_OR_RETURN(InputItems items, reader.Read(block));
                            if (stage.same != nullptr) return SendInFlight(input.topic, *block);
                            for (auto& item : items.items) {
                              auto* const batch = std::get_if<Batch>(&item);
                              if (batch == nullptr) continue;
                              ++report_.records_in_flight;
                              MR_RETURN_IF_ERROR(sink->Write(*batch, context));
                              // They were small enough once, so this is no matter of theirs.
                              if (!errors.empty())
                                return Status::InvalidArgument(input.topic + ": " + errors.front().message);
                            }
                            return Status::Ok();
                          });
  }

  Status SendInFlight(const std::string& topic, const RecordBlock& block) {
    const bool with_reports = restore_.all_same();
    for (std::int64_t i = 0; i < block.num_records(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      OutgoingRecord record;
      record.topic = topic;
      record.partition = block.partition().partition;
      record.key = block.keys()[at];
      record.value = block.values()[at];
      record.timestamp_ms = block.timestamps_ms()[at];
      record.headers = block.headers(i);
      if (record.value.is_null() && !with_reports) continue;
      report_.records_in_flight += record.value.is_null() ? 0 : 1;
      MR_RETURN_IF_ERROR(producer_->Send(record));
    }
    return Status::Ok();
  }

  const Plan& plan_;
  Cluster& cluster_;
  const Clock& clock_;
  const std::string folder_;
  SavepointManifest manifest_;
  PipelineShape shape_;
  RestorePlan restore_;  // points into manifest_ and shape_
  std::unique_ptr<ChangelogReader> reader_;
  std::unique_ptr<Producer> producer_;
  std::vector<CommittedOffset> offsets_;
  RestoreReport report_;
};

}  // namespace

Result<RestoreReport> RestoreSavepoint(const Plan& plan, Cluster& cluster, const Clock& clock,
                                       const std::string& folder, const RestoreChoice& choice) {
  MR_RETURN_IF_ERROR(CheckSavepointsWork(cluster));
  return Restore(plan, cluster, clock, folder).Run(choice);
}

}  // namespace millrace
