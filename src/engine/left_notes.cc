#include "engine/left_notes.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "compile/sink_factory.h"
#include "engine/group_activity.h"
#include "env/file.h"
#include "runtime/offset_metadata.h"

namespace millrace {
namespace {

using Notes = std::map<std::string, std::string>;

/// What the tasks that read a topic have of sinks with notes.
class SinksByTopic {
 public:
  static Result<SinksByTopic> Of(const Topology& topology) {
    SinksByTopic sinks;
    for (const SubTopology& sub : topology.sub_topologies) {
      MR_ASSIGN_OR_RETURN(const TaskProgram program, sub.make_program(Partition(0), nullptr));
      std::set<std::string> names;
      for (const ChainNode& node : program.nodes) {
        if (node.sink != nullptr && node.sink->TakesNotes()) names.insert(node.name);
      }
      sinks.all_.insert(names.begin(), names.end());
      for (const std::string& topic : sub.input_topics) sinks.by_topic_.emplace(topic, names);
    }
    return sinks;
  }

  /// Whether no task does with a note of `sink` beside an offset of `topic` what is to be done.
  bool LeavesBehind(const std::string& topic, const std::string& sink) const {
    const auto found = by_topic_.find(topic);
    return found == by_topic_.end() || (all_.contains(sink) && !found->second.contains(sink));
  }

 private:
  std::map<std::string, std::set<std::string>> by_topic_;
  std::set<std::string> all_;
};

/// Of sinks that leave them behind, by sink.
Notes LeftNotes(const SinksByTopic& sinks, const std::string& topic, const Notes& notes) {
  Notes left;
  for (const auto& [name, note] : notes) {
    const bool of_sink = name.find(':') == std::string::npos;  // no step's name has a colon
    if (of_sink && sinks.LeavesBehind(topic, name)) left.emplace(name, note);
  }
  return left;
}

std::vector<TopicPartition> PartitionsWithLeftNotes(const SinksByTopic& sinks,
                                                    const std::vector<CommittedOffset>& offsets) {
  std::vector<TopicPartition> partitions;
  for (const CommittedOffset& at : offsets) {
    const auto metadata = ParseOffsetMetadata(at.metadata);
    if (!metadata.ok()) continue;  // no task of ours
    if (!LeftNotes(sinks, at.partition.topic, metadata->notes).empty()) partitions.push_back(at.partition);
  }
  return partitions;
}

/// Where a sink of that name writes now; "": there is none.
Result<std::string> FolderOf(const Plan& plan, const std::string& sink) {
  for (const PlanNode& node : plan.nodes) {
    const auto* found = node.name == sink ? std::get_if<SinkNode>(&node.op) : nullptr;
    if (found == nullptr) continue;
    if (const auto* parquet = std::get_if<ParquetSink>(&found->sink)) return AbsolutePath(parquet->path);
    if (const auto* ipc = std::get_if<IpcSink>(&found->sink)) return AbsolutePath(ipc->path);
  }
  return std::string();
}

Status WaitForNobody(const std::string& group, const TopicPartition& partition, GroupAdmin& groups) {
  const Status nobody = CheckNobodyRuns(group, groups);
  if (nobody.code() != StatusCode::kInvalidArgument) return nobody;
  return Status::Unavailable("file sinks have committed rows with " + partition.ToString() +
                             ", which the edited pipeline does not read as before; they are published when "
                             "nobody runs it any more, and " +
                             nobody.message());
}

}  // namespace

Status PublishLeftNotes(const AnalyzedPlan& analyzed, const Topology& topology,
                        const std::vector<CommittedOffset>& offsets, Cluster& cluster) {
  MR_ASSIGN_OR_RETURN(const SinksByTopic sinks, SinksByTopic::Of(topology));
  const std::vector<TopicPartition> partitions = PartitionsWithLeftNotes(sinks, offsets);
  if (partitions.empty()) return Status::Ok();
  GroupAdmin& groups = *cluster.groups();
  MR_RETURN_IF_ERROR(WaitForNobody(topology.app, partitions.front(), groups));
  // Anew, and stable: a transaction that is open may commit another note.
  MR_ASSIGN_OR_RETURN(const auto member, cluster.MakeGroupMember(topology.app, "millrace-setup"));
  MR_ASSIGN_OR_RETURN(std::vector<CommittedOffset> committed, member->Committed(partitions));
  for (CommittedOffset& at : committed) {
    MR_ASSIGN_OR_RETURN(OffsetMetadata metadata, ParseOffsetMetadata(at.metadata));
    for (const auto& [sink, note] : LeftNotes(sinks, at.partition.topic, metadata.notes)) {
      MR_ASSIGN_OR_RETURN(const std::string folder, FolderOf(analyzed.plan, sink));
      MR_RETURN_IF_ERROR(PublishNote({topology.app, sink, at.partition.partition}, note, folder));
      metadata.notes.erase(sink);
    }
    at.metadata = FormatOffsetMetadata(metadata);
  }
  const Status set = groups.SetOffsets(topology.app, committed);
  // Somebody came in the meantime.
  return set.code() == StatusCode::kAborted ? Status::Unavailable(set.message()) : set;
}

}  // namespace millrace
