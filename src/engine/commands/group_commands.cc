#include "engine/commands/group_commands.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "base/counted.h"
#include "connect/staged_publishing.h"
#include "engine/commands/open_pipeline.h"
#include "engine/commands/reset_work.h"
#include "engine/commands/topic_lookup.h"
#include "engine/group_activity.h"
#include "engine/yaml/json_value.h"
#include "env/file.h"
#include "plan/feeds.h"
#include "plan/state_names.h"
#include "runtime/offset_metadata.h"

namespace millrace {
namespace {

constexpr Duration kJoinTimeout{30'000};
constexpr Duration kSilentWait{3'000};  // joining an empty group takes this long at most

/// Names that the internal topics of a plan's steps have (K2, K3), whether they exist or not. Exact names,
/// because another pipeline's may begin with the same letters.
std::set<std::string> InternalNames(const Plan& plan, std::string_view suffix) {
  std::set<std::string> names;
  for (const PlanNode& node : plan.nodes) {
    for (const std::string& state : StateNamesOf(node))
      names.insert(plan.name + "-" + state + std::string(suffix));
  }
  return names;
}

/// What sources outside Kafka brought, and where they stand: without these they begin anew.
std::set<std::string> FeedTopics(const Plan& plan) {
  std::set<std::string> names;
  for (const PlanNode& node : plan.nodes) {
    const auto* source = std::get_if<KafkaSource>(&node.op);
    if (source == nullptr || source->outside == nullptr) continue;
    names.insert({FeedTopic(plan.name, node.name), FeedPositionTopic(plan.name, node.name)});
  }
  return names;
}

/// Topics that the pipeline reads: its sources, and its repartition topics where they exist.
Result<std::vector<TopicDescription>> InputTopics(OpenPipeline& open) {
  std::vector<TopicDescription> inputs;
  for (const PlanNode& node : open.plan.nodes) {
    const auto* source = std::get_if<KafkaSource>(&node.op);
    if (source == nullptr) continue;
    if (source->outside != nullptr) {  // made when the pipeline starts
      MR_ASSIGN_OR_RETURN(const auto found, open.cluster->admin().Describe(source->topic));
      if (found.has_value()) inputs.push_back(*found);
      continue;
    }
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

/// A group that nobody else is in, and a member object for it. Kept while a reset works.
struct GroupAlone {
  Collector collector;  // outlives the member
  std::unique_ptr<GroupMember> member;
};

/// Where groups cannot be looked at: joins the group, as getting every partition shows that nobody else runs.
Status JoinAlone(OpenPipeline& open, const std::vector<TopicDescription>& topics, CommandIo& io,
                 GroupAlone* alone) {
  std::vector<std::string> names;
  names.reserve(topics.size());
  for (const TopicDescription& topic : topics) names.push_back(topic.name);
  const std::size_t wanted = PartitionsOf(topics).size();
  MR_RETURN_IF_ERROR(alone->member->Subscribe(names, &alone->collector));
  const auto begin = open.clock.Steady();
  bool said = false;
  while (alone->collector.held.size() < wanted) {
    const auto waited = open.clock.Steady() - begin;
    if (waited > kSilentWait && !std::exchange(said, true)) {
      io.err << "millrace: waiting up to " << FormatDuration(kJoinTimeout) << " for the group '"
             << open.plan.name << "' to have no other members" << std::endl;
    }
    if (waited > kJoinTimeout) {
      MR_RETURN_IF_ERROR(alone->member->Close());
      return Status::InvalidArgument(
          "the group '" + open.plan.name +
          "' has other members; nothing was changed. Stop all processes of " +
          "the pipeline, wait for their session time-out after a crash, and try again");
    }
    PollLimits limits;
    limits.max_records = 0;
    MR_RETURN_IF_ERROR(alone->member->Poll(limits).status());
  }
  return Status::Ok();
}

Result<std::unique_ptr<GroupAlone>> BeAlone(OpenPipeline& open, const std::vector<TopicDescription>& topics,
                                            CommandIo& io) {
  GroupAdmin* const groups = open.cluster->groups();
  if (groups != nullptr) MR_RETURN_IF_ERROR(CheckNobodyRuns(open.plan.name, *groups));
  auto alone = std::make_unique<GroupAlone>();
  MR_ASSIGN_OR_RETURN(alone->member, open.cluster->MakeGroupMember(open.plan.name, "millrace-reset"));
  if (groups == nullptr) MR_RETURN_IF_ERROR(JoinAlone(open, topics, io, alone.get()));
  return alone;
}

Status CommitNewOffsets(OpenPipeline& open, const std::vector<CommittedOffset>& offsets,
                        GroupMember& member) {
  GroupAdmin* const groups = open.cluster->groups();
  if (groups == nullptr) return member.CommitOffsets(offsets);
  const Status set = groups->SetOffsets(open.plan.name, offsets);
  if (set.code() != StatusCode::kAborted) return set;
  return set.WithContext("a process of the pipeline has started meanwhile; stop it");
}

/// What a reset looks at and changes.
struct ResetScope {
  std::vector<TopicDescription> inputs;
  std::vector<std::string> topics_to_delete;
  std::string state_folder;  ///< "" when there is none

  /// Partitions whose offsets move: those of a topic that is deleted go with it.
  std::vector<TopicPartition> Moved() const {
    std::vector<TopicPartition> partitions = PartitionsOf(inputs);
    std::erase_if(partitions, [this](const TopicPartition& at) {
      return std::find(topics_to_delete.begin(), topics_to_delete.end(), at.topic) != topics_to_delete.end();
    });
    return partitions;
  }
};

Result<ResetScope> FindScope(OpenPipeline& open, const ResetOptions& options) {
  ResetScope scope;
  MR_ASSIGN_OR_RETURN(scope.inputs, InputTopics(open));
  if (!options.state) return scope;
  std::set<std::string> internal;
  if (options.step.empty()) {
    internal = InternalNames(open.plan, "-changelog");
    internal.merge(InternalNames(open.plan, "-repartition"));
    internal.merge(FeedTopics(open.plan));
  } else {
    // What other steps keep in the folder comes back from their changelogs.
    internal = {open.plan.name + "-" + options.step + "-changelog"};
  }
  MR_ASSIGN_OR_RETURN(const std::vector<TopicDescription> all, open.cluster->admin().List());
  for (const TopicDescription& topic : all) {
    if (internal.contains(topic.name)) scope.topics_to_delete.push_back(topic.name);
  }
  if (!options.step.empty() && scope.topics_to_delete.empty()) {
    return Status::InvalidArgument("step '" + options.step + "' has no state: there is no topic '" +
                                   *internal.begin() + "'");
  }
  const std::string folder =
      (options.state_dir.empty() ? open.plan.state_dir : options.state_dir) + "/" + open.plan.name;
  if (PathExists(folder)) scope.state_folder = folder;
  return scope;
}

/// True when the rows that a sink's note commits still wait to be published, or when that cannot be told.
bool IsStaged(const StagingOwner& owner, const std::string& text) {
  const Result<StagingNote> note = StagingNote::Parse(text);
  if (!note.ok()) return false;
  const std::string folder = note->Folder();
  return folder.empty() || PathExists(StagingPath(folder, owner, note->id));
}

/// Names the file sinks that hold rows which are committed and not published (after a kill): their notes go
/// with the offsets.
void WarnOfStaged(OpenPipeline& open, const std::vector<TopicPartition>& partitions, GroupMember& member,
                  CommandIo& io) {
  const Result<std::vector<CommittedOffset>> committed = member.Committed(partitions);
  if (!committed.ok()) {
    io.err << "millrace: what file sinks have committed and not yet published, if anything, could not be "
              "looked up: "
           << committed.status().message() << "\n";
    return;
  }
  for (const CommittedOffset& at : *committed) {
    const Result<OffsetMetadata> metadata = ParseOffsetMetadata(at.metadata);
    if (!metadata.ok()) continue;  // written by somebody else
    for (const auto& [sink, note] : metadata->notes) {
      if (!IsStaged({open.plan.name, sink, at.partition.partition}, note)) continue;
      io.err << "millrace: what file sink '" << sink << "' has committed and not yet published of "
             << at.partition
             << " is given up by a reset; to keep it, start the pipeline and stop it in good order before\n";
    }
  }
}

Status Foretell(OpenPipeline& open, const ResetScope& scope, const ResetOptions& options, CommandIo& io) {
  if (!scope.state_folder.empty()) io.out << "folder " << scope.state_folder << " would be deleted\n";
  for (const std::string& topic : scope.topics_to_delete)
    io.out << "topic " << topic << " would be deleted\n";
  if (options.offsets) {
    MR_ASSIGN_OR_RETURN(const auto member, open.cluster->MakeGroupMember(open.plan.name, "millrace-reset"));
    WarnOfStaged(open, PartitionsOf(scope.inputs), *member, io);
    for (const TopicPartition& partition : scope.Moved())
      io.out << "offset of " << partition << " would be set to " << options.to << "\n";
  }
  io.out << "nothing was changed; add --yes to do it\n";
  if (open.cluster->groups() == nullptr) return Status::Ok();
  const Status runs = CheckNobodyRuns(open.plan.name, *open.cluster->groups());
  if (!runs.ok()) io.err << "millrace: now it would be refused: " << runs.message() << "\n";
  return Status::Ok();
}

Status Reset(OpenPipeline& open, const ResetOptions& options, CommandIo& io) {
  MR_ASSIGN_OR_RETURN(const ResetScope scope, FindScope(open, options));
  if (!options.yes) return Foretell(open, scope, options, io);
  MR_ASSIGN_OR_RETURN(const auto alone, BeAlone(open, scope.inputs, io));
  ResetWork work{scope.state_folder, scope.topics_to_delete, {}};
  if (options.offsets) {
    WarnOfStaged(open, PartitionsOf(scope.inputs), *alone->member, io);
    MR_ASSIGN_OR_RETURN(work.offsets, NewOffsets(scope.Moved(), options.to, *alone->member));
  }
  const auto commit = [&](const std::vector<CommittedOffset>& offsets) {
    return CommitNewOffsets(open, offsets, *alone->member);
  };
  MR_RETURN_IF_ERROR(CarryOut(work, open.cluster->admin(), commit, io.out));
  return open.cluster->groups() == nullptr ? alone->member->Close() : Status::Ok();
}

}  // namespace

Exit LagCommand(const LagOptions& options, CommandIo& io) {
  return WithPipeline(options.file, options.startup_timeout, io,
                      [&](OpenPipeline& open) { return WriteLag(open, options.json, io.out); });
}

Exit ResetCommand(const ResetOptions& options, CommandIo& io) {
  return WithPipeline(options.file, options.startup_timeout, io,
                      [&](OpenPipeline& open) { return Reset(open, options, io); });
}

}  // namespace millrace
