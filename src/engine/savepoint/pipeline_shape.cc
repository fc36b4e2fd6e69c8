#include "engine/savepoint/pipeline_shape.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/counted.h"
#include "compile/compile.h"
#include "engine/schema_inference.h"
#include "plan/feeds.h"

namespace millrace {
namespace {

using PartitionCounts = std::map<std::string, std::int32_t>;  // by source topic

Result<PartitionCounts> CountPartitions(const Plan& plan, TopicAdmin& admin) {
  PartitionCounts counts;
  for (const PlanNode& node : plan.nodes) {
    const auto* source = std::get_if<KafkaSource>(&node.op);
    if (source == nullptr) continue;
    MR_ASSIGN_OR_RETURN(const auto topic, admin.Describe(source->topic));
    if (!topic.has_value() && source->outside != nullptr) {  // nothing was brought yet
      counts[source->topic] = kFeedPartitions;
      continue;
    }
    if (!topic.has_value()) return Status::NotFound("source topic '" + source->topic + "' does not exist");
    counts[source->topic] = topic->partitions;
  }
  return counts;
}

Result<PipelineShape> Compile(const AnalyzedPlan& analyzed, const PartitionCounts& counts,
                              const Clock& clock) {
  CompileOptions options;
  options.source_partitions = counts;
  options.clock = &clock;
  PipelineShape shape{.analyzed = analyzed, .topology = {}};
  MR_ASSIGN_OR_RETURN(shape.topology, CompilePlan(analyzed, options));
  return shape;
}

Result<AnalyzedPlan> Analyze(Plan plan, Cluster& cluster, const Clock& clock) {
  MR_RETURN_IF_ERROR(LookUpMissingSchemas(&plan, cluster, clock));
  return AnalyzePlan(std::move(plan));
}

/// An internal topic that has other partitions than this shape needs.
struct Misfit {
  std::string topic;
  std::int32_t needed = 0;
  std::int32_t found = 0;
};

Result<std::optional<Misfit>> FindMisfit(const Topology& topology, TopicAdmin& admin) {
  for (const NewTopic& topic : topology.internal_topics) {
    MR_ASSIGN_OR_RETURN(const auto found, admin.Describe(topic.name));
    if (found.has_value() && found->partitions != topic.partitions)
      return std::optional(Misfit{topic.name, topic.partitions, found->partitions});
  }
  return std::optional<Misfit>();
}

}  // namespace

Result<PipelineShape> ShapeNow(const Plan& plan, Cluster& cluster, const Clock& clock) {
  MR_ASSIGN_OR_RETURN(const PartitionCounts counts, CountPartitions(plan, cluster.admin()));
  MR_ASSIGN_OR_RETURN(const AnalyzedPlan analyzed, Analyze(plan, cluster, clock));
  return Compile(analyzed, counts, clock);
}

Result<PipelineShape> ShapeOfState(const Plan& plan, Cluster& cluster, const Clock& clock) {
  MR_ASSIGN_OR_RETURN(PartitionCounts counts, CountPartitions(plan, cluster.admin()));
  MR_ASSIGN_OR_RETURN(const AnalyzedPlan analyzed, Analyze(plan, cluster, clock));
  // Each round settles the source topics that had one partition count, and lowers it.
  while (true) {
    MR_ASSIGN_OR_RETURN(PipelineShape shape, Compile(analyzed, counts, clock));
    MR_ASSIGN_OR_RETURN(const auto misfit, FindMisfit(shape.topology, cluster.admin()));
    if (!misfit.has_value()) return shape;
    const auto is_needed = [&](const auto& count) { return count.second == misfit->needed; };
    if (misfit->found > misfit->needed || std::none_of(counts.begin(), counts.end(), is_needed)) {
      return Status::InvalidArgument("internal topic '" + misfit->topic + "' has " +
                                     Counted(misfit->found, "partition") + ", but the pipeline needs " +
                                     std::to_string(misfit->needed) +
                                     "; use the file that the pipeline ran with");
    }
    for (auto& [topic, count] : counts) count = is_needed(std::pair(topic, count)) ? misfit->found : count;
  }
}

std::string StepOfRepartition(const std::string& topic, const std::string& app) {
  constexpr std::string_view kSuffix = "-repartition";
  return topic.substr(app.size() + 1, topic.size() - app.size() - 1 - kSuffix.size());
}

}  // namespace millrace
