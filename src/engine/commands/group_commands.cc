#include "engine/commands/group_commands.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "base/counted.h"
#include "engine/commands/open_pipeline.h"
#include "engine/commands/topic_lookup.h"
#include "engine/group_activity.h"
#include "engine/yaml/json_value.h"
#include "env/file.h"

namespace millrace {
namespace {

constexpr Duration kJoinTimeout{30'000};
constexpr Duration kSilentWait{3'000};  // joining an empty group takes this long at most

/// Names that the internal topics of a plan's steps have (K2, K3), whether they exist or not. Exact names,
/// because another pipeline's may begin with the same letters.
std::set<std::string> InternalNames(const Plan& plan, std::string_view suffix) {
  std::set<std::string> names;
  for (const PlanNode& node : plan.nodes) names.insert(plan.name + "-" + node.name + std::string(suffix));
  return names;
}

/// Topics that the pipeline reads: its sources, and its repartition topics where they exist.
Result<std::vector<TopicDescription>> InputTopics(OpenPipeline& open) {
  std::vector<TopicDescription> inputs;
  for (const PlanNode& node : open.plan.nodes) {
    const auto* source = std::get_if<KafkaSource>(&node.op);
    if (source == nullptr) continue;
    MR_ASSIGN_OR_RETURN(TopicDescription topic, FindTopic(*open.cluster, source->topic));
    inputs.push_back(std::move(topic));
  }
  const std::set<std::string> repartition = InternalNames(open.plan, "-repartition");
  MR_ASSIGN_OR_RETURN(const std::vector<TopicDescription> all, open.cluster->admin().List());
  for (const TopicDescription& topic : all) {
    if (repartition.contains(topic.name)) inputs.push_back(topic);
  }
  return inputs;
}

std::vector<TopicPartition> PartitionsOf(const std::vector<TopicDescription>& topics) {
  std::vector<TopicPartition> partitions;
  for (const TopicDescription& topic : topics) {
    for (std::int32_t p = 0; p < topic.partitions; ++p) partitions.push_back({topic.name, Partition(p)});
  }
  return partitions;
}

Status WriteLag(OpenPipeline& open, bool json, std::ostream& out) {
  MR_ASSIGN_OR_RETURN(const std::vector<TopicDescription> topics, InputTopics(open));
  const std::vector<TopicPartition> partitions = PartitionsOf(topics);
  MR_ASSIGN_OR_RETURN(const auto member, open.cluster->MakeGroupMember(open.plan.name, "millrace-lag"));
  MR_ASSIGN_OR_RETURN(const std::vector<CommittedOffset> committed, member->Committed(partitions));
  std::int64_t total = 0;
  for (const CommittedOffset& at : committed) {
    MR_ASSIGN_OR_RETURN(const auto bounds, member->Bounds(at.partition));
    const std::int64_t from = std::max(at.offset.value(), bounds.first.value());
    const std::int64_t lag = std::max<std::int64_t>(0, bounds.second.value() - from);
    total += lag;
    const std::string offset = at.offset == kNoOffset ? "null" : std::to_string(at.offset.value());
    if (json) {
      out << "{\"topic\":" << JsonString(at.partition.topic) << ",\"partition\":" << at.partition.partition
          << ",\"committed\":" << offset << ",\"end\":" << bounds.second << ",\"lag\":" << lag << "}\n";
    } else {
      out << at.partition << "  committed " << (at.offset == kNoOffset ? "nothing" : offset) << ", end "
          << bounds.second << ", lag " << lag << "\n";
    }
  }
  if (!json) out << "total lag " << total << "\n";
  return Status::Ok();
}

/// Collects the assignment of the only member of a group.
class Collector final : public AssignmentListener {
 public:
  void OnAssigned(std::vector<TopicPartition> partitions) override {
    held.insert(partitions.begin(), partitions.end());
  }
  void OnRevoked(std::vector<TopicPartition> partitions, bool /*lost*/) override {
    for (const TopicPartition& partition : partitions) held.erase(partition);
  }
  std::set<TopicPartition> held;
};

/// Where `to`, "earliest" or "latest", is in each partition.
Result<std::vector<CommittedOffset>> NewOffsets(const std::vector<TopicPartition>& partitions,
                                                const std::string& to, GroupMember& member) {
  std::vector<CommittedOffset> offsets;
  for (const TopicPartition& partition : partitions) {
    MR_ASSIGN_OR_RETURN(const auto bounds, member.Bounds(partition));
    offsets.push_back({partition, to == "latest" ? bounds.second : bounds.first, ""});
  }
  return offsets;
}

/// Moves the offsets of the group, which has no members, to `to` ("earliest", "latest", or "" to leave them).
Status MoveOffsets(OpenPipeline& open, const std::vector<TopicDescription>& topics, const std::string& to) {
  GroupAdmin& groups = *open.cluster->groups();
  MR_RETURN_IF_ERROR(CheckNobodyRuns(open.plan.name, groups));
  if (to.empty()) return Status::Ok();
  MR_ASSIGN_OR_RETURN(const auto member, open.cluster->MakeGroupMember(open.plan.name, "millrace-reset"));
  MR_ASSIGN_OR_RETURN(const auto offsets, NewOffsets(PartitionsOf(topics), to, *member));
  const Status set = groups.SetOffsets(open.plan.name, offsets);
  if (set.code() != StatusCode::kAborted) return set;
  // Somebody came in the meantime.
  const Status reason = CheckNobodyRuns(open.plan.name, groups);
  return reason.ok() ? set : reason;
}

/// The same where groups cannot be looked at: joins the group, as getting every partition shows that nobody
/// else runs.
Status MoveOffsetsAsMember(OpenPipeline& open, const std::vector<TopicDescription>& topics,
                           const std::string& to, CommandIo& io) {
  MR_ASSIGN_OR_RETURN(const auto member, open.cluster->MakeGroupMember(open.plan.name, "millrace-reset"));
  std::vector<std::string> names;
  names.reserve(topics.size());
  for (const TopicDescription& topic : topics) names.push_back(topic.name);
  const std::vector<TopicPartition> wanted = PartitionsOf(topics);
  Collector collector;
  MR_RETURN_IF_ERROR(member->Subscribe(names, &collector));
  const auto begin = open.clock.Steady();
  bool said = false;
  while (collector.held.size() < wanted.size()) {
    const auto waited = open.clock.Steady() - begin;
    if (waited > kSilentWait && !std::exchange(said, true)) {
      io.err << "millrace: waiting up to " << FormatDuration(kJoinTimeout) << " for the group '"
             << open.plan.name << "' to have no other members" << std::endl;
    }
    if (waited > kJoinTimeout) {
      MR_RETURN_IF_ERROR(member->Close());
      return Status::InvalidArgument(
          "the group '" + open.plan.name +
          "' has other members; nothing was changed. Stop all processes of " +
          "the pipeline, wait for their session time-out after a crash, and try again");
    }
    PollLimits limits;
    limits.max_records = 0;
    MR_RETURN_IF_ERROR(member->Poll(limits).status());
  }
  if (to.empty()) return member->Close();
  MR_ASSIGN_OR_RETURN(const auto offsets, NewOffsets(wanted, to, *member));
  MR_RETURN_IF_ERROR(member->CommitOffsets(offsets));
  return member->Close();
}

struct ResetWork {
  std::vector<TopicDescription> inputs;
  std::vector<std::string> topics_to_delete;
  std::string state_folder;  ///< "" when there is none
};

Result<ResetWork> FindWork(OpenPipeline& open, const ResetOptions& options) {
  ResetWork work;
  MR_ASSIGN_OR_RETURN(work.inputs, InputTopics(open));
  if (!options.state) return work;
  std::set<std::string> internal;
  if (options.step.empty()) {
    internal = InternalNames(open.plan, "-changelog");
    internal.merge(InternalNames(open.plan, "-repartition"));
  } else {
    // What other steps keep in the folder comes back from their changelogs.
    internal = {open.plan.name + "-" + options.step + "-changelog"};
  }
  MR_ASSIGN_OR_RETURN(const std::vector<TopicDescription> all, open.cluster->admin().List());
  for (const TopicDescription& topic : all) {
    if (internal.contains(topic.name)) work.topics_to_delete.push_back(topic.name);
  }
  if (!options.step.empty() && work.topics_to_delete.empty()) {
    return Status::InvalidArgument("step '" + options.step + "' has no state: there is no topic '" +
                                   *internal.begin() + "'");
  }
  const std::string folder =
      (options.state_dir.empty() ? open.plan.state_dir : options.state_dir) + "/" + open.plan.name;
  if (PathExists(folder)) work.state_folder = folder;
  return work;
}

Status Reset(OpenPipeline& open, const ResetOptions& options, CommandIo& io) {
  std::ostream& out = io.out;
  MR_ASSIGN_OR_RETURN(const ResetWork work, FindWork(open, options));
  const char* will = options.yes ? "" : "would be ";
  // Offsets first: it fails while the pipeline runs, before anything is deleted.
  if (options.yes) {
    const std::string to = options.offsets ? options.to : "";
    MR_RETURN_IF_ERROR(open.cluster->groups() == nullptr ? MoveOffsetsAsMember(open, work.inputs, to, io)
                                                         : MoveOffsets(open, work.inputs, to));
  }
  if (options.offsets) {
    for (const TopicPartition& partition : PartitionsOf(work.inputs)) {
      out << "offset of " << partition << " " << will << "set to " << options.to << "\n";
    }
  }
  for (const std::string& topic : work.topics_to_delete) {
    if (options.yes) MR_RETURN_IF_ERROR(open.cluster->admin().Delete(topic));
    out << "topic " << topic << " " << will << "deleted\n";
  }
  if (!work.state_folder.empty()) {
    if (options.yes) MR_RETURN_IF_ERROR(RemoveAll(work.state_folder));
    out << "folder " << work.state_folder << " " << will << "deleted\n";
  }
  if (options.yes) return Status::Ok();
  out << "nothing was changed; add --yes to do it\n";
  if (open.cluster->groups() != nullptr) {
    const Status runs = CheckNobodyRuns(open.plan.name, *open.cluster->groups());
    if (!runs.ok()) io.err << "millrace: now it would be refused: " << runs.message() << "\n";
  }
  return Status::Ok();
}

}  // namespace

Exit LagCommand(const LagOptions& options, CommandIo& io) {
  const Result<std::unique_ptr<OpenPipeline>> open = OpenPipelineFile(options.file, options.startup_timeout);
  if (!open.ok()) return Report(io, open.status());
  return Report(io, WriteLag(**open, options.json, io.out));
}

Exit ResetCommand(const ResetOptions& options, CommandIo& io) {
  const Result<std::unique_ptr<OpenPipeline>> open = OpenPipelineFile(options.file, options.startup_timeout);
  if (!open.ok()) return Report(io, open.status());
  return Report(io, Reset(**open, options, io));
}

}  // namespace millrace
