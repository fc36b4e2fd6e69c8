#include "engine/savepoint/create_savepoint.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"
#include "connect/changelog.h"
#include "engine/group_activity.h"
#include "engine/moved_state.h"
#include "engine/savepoint/log_reading.h"
#include "engine/savepoint/pipeline_shape.h"
#include "engine/savepoint/record_file.h"
#include "engine/savepoint/sha256.h"
#include "engine/savepoint/shared_windows.h"
#include "engine/savepoint/state_file.h"
#include "engine/version.h"
#include "env/file.h"
#include "env/random.h"
#include "ops/bytes_rows.h"
#include "plan/state_names.h"
#include "runtime/offset_metadata.h"
#include "runtime/state_notes.h"
#include "state/layout.h"
#include "state/state_store.h"

namespace millrace {
namespace {

constexpr ByteCount kSortMemory{64LL << 20};

/// The last row of each key of a changelog, on disk.
class FoldedChangelog {
 public:
  FoldedChangelog(std::string directory, std::string table)
      : directory_(std::move(directory)), table_(std::move(table)) {}
  ~FoldedChangelog() {
    store_.reset();
    (void)RemoveAll(directory_);
  }
  FoldedChangelog(const FoldedChangelog&) = delete;
  FoldedChangelog& operator=(const FoldedChangelog&) = delete;

  Status Open(StateRuntime& runtime) {
    StateStoreOptions options;
    options.directory = directory_;
    options.layout = table_ + "=folded\n";
    options.identity = "savepoint";
    MR_ASSIGN_OR_RETURN(store_, StateStore::Open(options, runtime));
    return store_->AddTable(table_, &rows_).status();
  }

  Status Add(const RecordBlock& block) {
    std::vector<std::pair<std::string_view, std::optional<std::string_view>>> entries;
    entries.reserve(static_cast<std::size_t>(block.num_records()));
    for (std::size_t i = 0; i < static_cast<std::size_t>(block.num_records()); ++i) {
      const BytesView value = block.values()[i];
      entries.emplace_back(block.keys()[i].view(),
                           value.is_null() ? std::nullopt : std::optional(value.view()));
    }
    return store_->ApplyChangelog(table_, "", entries, block.next_offset());
  }

  Status Visit(const std::function<Status(const ChangelogEntry&)>& visit) {
    MR_RETURN_IF_ERROR(store_->FinishRestore());
    return store_->Dump(visit);
  }

 private:
  const std::string directory_;
  const std::string table_;
  BytesRows rows_;  // what is only restored is not read by it
  std::unique_ptr<StateStore> store_;
};

/// One create.
class Savepoint {
 public:
  Savepoint(const Plan& plan, Cluster& cluster, const Clock& clock, std::string folder)
      : plan_(plan),
        cluster_(cluster),
        clock_(clock),
        folder_(std::move(folder)),
        partial_(folder_ + ".partial-" + RandomId(4)) {}

  Result<SavepointManifest> Create() {
    MR_RETURN_IF_ERROR(CheckNobodyRuns(plan_.name, *cluster_.groups()));
    MR_ASSIGN_OR_RETURN(shape_, ShapeOfState(plan_, cluster_, clock_));
    MR_ASSIGN_OR_RETURN(member_, cluster_.MakeGroupMember(plan_.name, "millrace-savepoint"));
    MR_ASSIGN_OR_RETURN(reader_, cluster_.MakeChangelogReader());
    // In the order of a recovery: what is committed first, then how far the logs go.
    MR_ASSIGN_OR_RETURN(committed_, Committed());
    MR_RETURN_IF_ERROR(CheckCommitted());
    MR_RETURN_IF_ERROR(CreateDirectories(partial_));
    const Status saved = SaveAll();
    if (!saved.ok()) (void)RemoveAll(partial_);
    MR_RETURN_IF_ERROR(saved);
    return std::move(manifest_);
  }

 private:
  using Offsets = std::map<TopicPartition, CommittedOffset>;

  Status SaveAll() {
    MR_ASSIGN_OR_RETURN(runtime_, StateRuntime::Make(kSortMemory));
    manifest_.pipeline = plan_.name;
    manifest_.millrace = Version();
    manifest_.created = clock_.Now();
    for (const SubTopology& sub : shape_.topology.sub_topologies) {
      MR_ASSIGN_OR_RETURN(SavepointStage stage, SaveStage(sub));
      manifest_.stages.push_back(std::move(stage));
    }
    MR_RETURN_IF_ERROR(CheckNothingMoved());
    MR_RETURN_IF_ERROR(
        WriteFileAtomically(partial_ + "/" + std::string(kManifestName), FormatManifest(manifest_)));
    MR_RETURN_IF_ERROR(SyncDirectory(partial_));
    if (PathExists(folder_)) return Status::AlreadyExists(folder_ + " exists already");
    return Rename(partial_, folder_);
  }

  Result<Offsets> Committed() {
    std::vector<TopicPartition> partitions;
    for (const SubTopology& sub : shape_.topology.sub_topologies) {
      for (const std::string& topic : sub.input_topics) {
        for (std::int32_t p = 0; p < sub.partitions; ++p) partitions.push_back({topic, Partition(p)});
      }
    }
    MR_ASSIGN_OR_RETURN(const auto offsets, member_->Committed(partitions));
    Offsets by_partition;
    for (const CommittedOffset& at : offsets) by_partition.emplace(at.partition, at);
    return by_partition;
  }

  /// The offsets are those of this plan.
  Status CheckCommitted() const {
    const auto was_written = [](const auto& entry) { return !entry.second.metadata.empty(); };
    if (std::none_of(committed_.begin(), committed_.end(), was_written)) {
      return Status::InvalidArgument("pipeline '" + plan_.name +
                                     "' has committed nothing yet: there is nothing to save");
    }
    for (const SubTopology& sub : shape_.topology.sub_topologies) {
      for (std::int32_t p = 0; p < sub.partitions; ++p) MR_RETURN_IF_ERROR(CheckTask(sub, Partition(p)));
    }
    MR_ASSIGN_OR_RETURN(const std::vector<CommittedOffset> all, cluster_.groups()->Offsets(plan_.name));
    return CheckNoStateMoved(shape_.topology, all, cluster_.admin());
  }

  Status CheckTask(const SubTopology& sub, Partition partition) const {
    std::map<std::string, std::string> notes;
    for (const std::string& topic : sub.input_topics) {
      const CommittedOffset& at = committed_.at({topic, partition});
      MR_ASSIGN_OR_RETURN(
          OffsetMetadata metadata,
          ParseOffsetMetadata(at.metadata).WithContext("committed offset of " + at.partition.ToString()));
      notes.merge(metadata.notes);
    }
    StateNotes state(sub);
    state.Take(&notes);
    for (const TableSpec& table : sub.tables) {
      MR_ASSIGN_OR_RETURN(const TopicDescription topic, Describe(table.changelog_topic));
      MR_RETURN_IF_ERROR(state.Check(table.table, topic.topic_id));
    }
    for (const auto& [table, id] : state.Others()) MR_RETURN_IF_ERROR(CheckOther(table, id));
    return Status::Ok();
  }

  /// State that the plan does not have was reset, or is somewhere else in the plan.
  Status CheckOther(const std::string& table, const std::string& id) const {
    for (const SubTopology& sub : shape_.topology.sub_topologies) {
      for (const TableSpec& known : sub.tables) {
        if (known.table == table) return Status::Ok();
      }
    }
    MR_ASSIGN_OR_RETURN(const auto topic, cluster_.admin().Describe(plan_.name + "-" + table + "-changelog"));
    if (!topic.has_value() || topic->topic_id != id) return Status::Ok();
    return Status::InvalidArgument("step '" + table +
                                   "' has state but is not in the file; save with the file that the pipeline "
                                   "ran with, or drop its state with: millrace reset FILE --step " +
                                   table + " --yes");
  }

  Result<TopicDescription> Describe(const std::string& name) const {
    MR_ASSIGN_OR_RETURN(const auto topic, cluster_.admin().Describe(name));
    if (!topic.has_value())
      return Status::NotFound("there is no topic '" + name + "', so the state of '" + plan_.name +
                              "' is gone");
    return *topic;
  }

  Result<SavepointStage> SaveStage(const SubTopology& sub) {
    SavepointStage stage;
    stage.name = sub.name;
    stage.partitions = sub.partitions;
    for (const std::string& topic : sub.input_topics) {
      MR_ASSIGN_OR_RETURN(SavepointInput input, SaveInput(sub, topic));
      stage.inputs.push_back(std::move(input));
    }
    const std::map<std::string, std::string> layouts = ParseLayout(sub.state_layout);
    for (const TableSpec& table : sub.tables) {
      SavepointStep step;
      step.name = table.table;
      const PlanNode& node = NodeOf(table.table);
      step.kind = node.kind();
      step.windows = SharedWindowsOf(node);
      step.layout = layouts.at(table.table);
      step.place = table.place;
      auto rows = SaveTable(sub, table, step.layout);
      if (!rows.ok()) return rows.status().WithContext("step '" + table.table + "'");
      step.rows = *std::move(rows);
      stage.steps.push_back(std::move(step));
    }
    return stage;
  }

  const PlanNode& NodeOf(const std::string& step) const {
    const auto found = std::find_if(plan_.nodes.begin(), plan_.nodes.end(), [&step](const PlanNode& node) {
      const std::vector<std::string> names = StateNamesOf(node);
      return std::find(names.begin(), names.end(), step) != names.end();
    });
    MR_CHECK(found != plan_.nodes.end()) << "no step " << step;
    return *found;
  }

  Result<SavepointInput> SaveInput(const SubTopology& sub, const std::string& topic) {
    SavepointInput input;
    input.topic = topic;
    MR_ASSIGN_OR_RETURN(const TopicDescription described, Describe(topic));
    input.topic_id = described.topic_id;
    for (std::int32_t p = 0; p < sub.partitions; ++p) {
      const CommittedOffset& at = committed_.at({topic, Partition(p)});
      input.partitions.push_back({at.offset, at.metadata});
    }
    if (std::find(sub.repartition_inputs.begin(), sub.repartition_inputs.end(), topic) ==
        sub.repartition_inputs.end()) {
      return input;
    }
    input.step = StepOfRepartition(topic, plan_.name);
    MR_RETURN_IF_ERROR(SaveInFlight(&input));
    return input;
  }

  /// The rows that were moved and not yet processed.
  Status SaveInFlight(SavepointInput* input) {
    const std::string name = SavepointFileName("rows", ++files_, input->step);
    MR_ASSIGN_OR_RETURN(const auto file, RecordFileWriter::Create(partial_ + "/" + name));
    for (std::size_t p = 0; p < input->partitions.size(); ++p) {
      const TopicPartition partition{input->topic, Partition(static_cast<std::int32_t>(p))};
      MR_ASSIGN_OR_RETURN(const auto bounds, reader_->Bounds(partition));
      const Offset from = std::max(input->partitions[p].offset, bounds.first);
      MR_RETURN_IF_ERROR(ReadUpTo(*reader_, partition, from, bounds.second, [&](const RecordBlock& block) {
        for (const BytesView value : block.values()) input->in_flight_data += value.is_null() ? 0 : 1;
        return file->Add(block);
      }));
    }
    MR_RETURN_IF_ERROR(file->Finish());
    MR_ASSIGN_OR_RETURN(input->in_flight, Describe(name, file->num_rows()));
    return Status::Ok();
  }

  Result<SavepointFile> SaveTable(const SubTopology& sub, const TableSpec& table, const std::string& layout) {
    const std::string name = SavepointFileName("state", ++files_, table.table);
    MR_ASSIGN_OR_RETURN(const auto file, StateFileWriter::Create(partial_ + "/" + name, layout));
    for (std::int32_t p = 0; p < sub.partitions; ++p) {
      const TopicPartition changelog{table.changelog_topic, Partition(p)};
      FoldedChangelog folded(partial_ + "/work", table.table);
      MR_RETURN_IF_ERROR(folded.Open(*runtime_));
      MR_ASSIGN_OR_RETURN(const auto bounds, reader_->Bounds(changelog));
      MR_RETURN_IF_ERROR(ReadUpTo(*reader_, changelog, bounds.first, bounds.second,
                                  [&](const RecordBlock& block) { return folded.Add(block); }));
      MR_RETURN_IF_ERROR(folded.Visit(
          [&](const ChangelogEntry& entry) { return file->Add(p, entry.key, entry.value.value_or("")); }));
    }
    MR_RETURN_IF_ERROR(file->Finish());
    return Describe(name, file->num_rows());
  }

  /// A finished file, made durable.
  Result<SavepointFile> Describe(const std::string& name, std::int64_t rows) const {
    const std::string path = partial_ + "/" + name;
    MR_RETURN_IF_ERROR(SyncFile(path));
    SavepointFile file;
    file.name = name;
    file.rows = rows;
    MR_ASSIGN_OR_RETURN(file.bytes, FileBytes(path));
    MR_ASSIGN_OR_RETURN(file.sha256, Sha256OfFile(path));
    return file;
  }

  Result<std::int64_t> FileBytes(const std::string& path) const {
    MR_ASSIGN_OR_RETURN(const auto entries, ListDirectory(partial_));
    for (const DirectoryEntry& entry : entries) {
      if (partial_ + "/" + entry.name == path) return entry.size.value();
    }
    return Status::NotFound("there is no file " + path);
  }

  /// What was read belongs together.
  Status CheckNothingMoved() {
    MR_RETURN_IF_ERROR(CheckNobodyRuns(plan_.name, *cluster_.groups()));
    MR_ASSIGN_OR_RETURN(const Offsets now, Committed());
    const auto same = [](const auto& a, const auto& b) {
      return a.second.offset == b.second.offset && a.second.metadata == b.second.metadata;
    };
    if (std::equal(now.begin(), now.end(), committed_.begin(), committed_.end(), same)) return Status::Ok();
    return Status::InvalidArgument("pipeline '" + plan_.name +
                                   "' ran while its state was being read; nothing was saved: try again");
  }

  const Plan& plan_;
  Cluster& cluster_;
  const Clock& clock_;
  const std::string folder_;
  const std::string partial_;  // renamed to folder_ at the end
  PipelineShape shape_;
  std::unique_ptr<GroupMember> member_;
  std::unique_ptr<ChangelogReader> reader_;
  std::unique_ptr<StateRuntime> runtime_;
  Offsets committed_;
  std::size_t files_ = 0;
  SavepointManifest manifest_;
};

}  // namespace

Status CheckSavepointsWork(Cluster& cluster) {
  if (cluster.groups() != nullptr && cluster.supports_exactly_once()) return Status::Ok();
  return Status::InvalidArgument(
      "savepoints need Apache Kafka: the embedded broker has no transactions and cannot say who runs");
}

Result<SavepointManifest> CreateSavepoint(const Plan& plan, Cluster& cluster, const Clock& clock,
                                          std::string folder) {
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  MR_RETURN_IF_ERROR(CheckSavepointsWork(cluster));
  if (PathExists(folder)) {
    return Status::AlreadyExists(folder +
                                 " exists already; a savepoint is never replaced: name another folder");
  }
  return Savepoint(plan, cluster, clock, std::move(folder)).Create();
}

}  // namespace millrace
