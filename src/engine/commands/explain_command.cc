#include "engine/commands/explain_command.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/counted.h"
#include "compile/compile.h"
#include "engine/commands/cluster_connection.h"
#include "engine/commands/explain_json.h"
#include "engine/commands/pipeline_loading.h"
#include "engine/schema_inference.h"
#include "env/clock.h"
#include "plan/feeds.h"

namespace millrace {
namespace {

/// The first source that declares no schema and needs one.
const PlanNode& SourceWithoutSchema(const Plan& plan) {
  return *std::find_if(plan.nodes.begin(), plan.nodes.end(), [](const PlanNode& node) {
    const auto* source = std::get_if<KafkaSource>(&node.op);
    return source != nullptr && source->schema == nullptr && source->format == "json";
  });
}

Status AskForSchemas(Plan* plan, const ExplainOptions& options) {
  const SystemClock clock;
  MetricRegistry metrics;
  MR_ASSIGN_OR_RETURN(const auto cluster,
                      ConnectCluster(plan->kafka, options.startup_timeout, clock, metrics));
  return LookUpMissingSchemas(plan, *cluster, clock);
}

Result<AnalyzedPlan> Load(const ExplainOptions& options) {
  MR_ASSIGN_OR_RETURN(PipelineFile file, LoadPipeline(options.file));
  MR_RETURN_IF_ERROR(CheckPipeline(file));
  if (!HasAllSchemas(file.plan)) {
    const PlanNode source = SourceWithoutSchema(file.plan);
    if (const Status asked = AskForSchemas(&file.plan, options); !asked.ok()) {
      return Status::InvalidArgument(
          source.location.ToString() + ": source '" + std::get<KafkaSource>(source.op).topic +
          "' has no schema: 'run' would infer it from the topic, which cannot be done now: " +
          asked.message() + ". Declare one; 'millrace schema infer " + options.file + "' writes it");
    }
  }
  return AnalyzePlan(std::move(file.plan));
}

void ExplainSettings(const Plan& plan, std::ostream& out) {
  out << "settings\n";
  out << "  guarantee         "
      << (plan.guarantee == Guarantee::kExactlyOnce ? "exactly_once" : "at_least_once") << ", a commit every "
      << FormatDuration(plan.EffectiveCommitInterval()) << " or " << FormatByteSize(plan.commit_bytes)
      << " of input\n";
  out << "  batches           up to " << Counted(plan.batch.rows, "row") << ", "
      << FormatByteSize(plan.batch.bytes) << ", " << FormatDuration(plan.batch.delay) << "\n";
  out << "  workers           " << plan.workers << " in this process, " << FormatByteSize(plan.memory)
      << " of memory\n";
  out << "  state             " << plan.state_dir;
  if (plan.standbys > 0) out << ", and " << Counted(plan.standbys, "copy") << " on other machines";
  out << "\n";
  out << "  end               within " << FormatDuration(plan.stop_timeout) << " of a signal\n";
  out << "  event time        out of order by up to " << FormatDuration(plan.out_of_orderness)
      << "; idle after " << (plan.idle_after ? FormatDuration(*plan.idle_after) : "never") << "; at most "
      << FormatDuration(plan.max_future) << " ahead of the clock\n";
  out << "  dead letters      "
      << (plan.dead_letter_topic.empty() ? "none: a bad record stops the pipeline"
                                         : "topic " + plan.dead_letter_topic)
      << "\n";
}

void WriteText(const AnalyzedPlan& plan, const Topology& topology, std::int32_t partitions,
               std::ostream& out) {
  ExplainSettings(plan.plan, out);
  out << "\nsteps\n"
      << PlanToText(plan) << "\nruns as (for " << Counted(partitions, "partition") << " per source topic)\n";
  for (const SubTopology& sub : topology.sub_topologies) {
    out << "  sub-topology " << sub.name << ": " << Counted(sub.partitions, "task");
    for (const std::string& topic : sub.input_topics) {
      out << "\n    reads       " << topic;
      if (std::find(sub.partial_inputs.begin(), sub.partial_inputs.end(), topic) != sub.partial_inputs.end())
        out << ": partial aggregates where they are fewer than rows";
    }
    for (const TableSpec& table : sub.tables)
      out << "\n    state       " << table.table << ", mirrored by " << table.changelog_topic;
    out << "\n";
  }
  out << "internal topics\n";
  for (const auto* topics : {&topology.internal_topics, &topology.feed_topics}) {
    for (const NewTopic& topic : *topics)
      out << "  " << topic.name << ", " << Counted(topic.partitions, "partition") << "\n";
  }
  if (topology.internal_topics.empty() && topology.feed_topics.empty()) out << "  none\n";
}

}  // namespace

Exit ExplainCommand(const ExplainOptions& options, CommandIo& io) {
  const Result<AnalyzedPlan> plan = Load(options);
  if (!plan.ok()) return Report(io, plan.status(), Exit::kUsage);
  const SystemClock clock;
  CompileOptions compile;
  compile.clock = &clock;
  for (const PlanNode& node : plan->plan.nodes) {
    if (const auto* source = std::get_if<KafkaSource>(&node.op))
      compile.source_partitions[source->topic] =
          source->outside != nullptr ? kFeedPartitions : options.partitions;
  }
  const Result<Topology> topology = CompilePlan(*plan, compile);
  if (!topology.ok()) return Report(io, topology.status(), Exit::kUsage);
  if (options.json) {
    WriteExplainJson(*plan, *topology, io.out);
  } else {
    WriteText(*plan, *topology, options.partitions, io.out);
  }
  return Exit::kOk;
}

}  // namespace millrace
