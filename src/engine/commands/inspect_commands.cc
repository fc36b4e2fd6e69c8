#include "engine/commands/inspect_commands.h"

#include <map>
#include <utility>

#include "base/counted.h"
#include "compile/compile.h"
#include "engine/commands/pipeline_loading.h"
#include "engine/yaml/json_value.h"
#include "env/clock.h"

namespace millrace {
namespace {

/// The messages of a Status, one per line of it.
std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

Status Check(const std::string& path, std::string* note) {
  MR_ASSIGN_OR_RETURN(const PipelineFile file, LoadPipeline(path));
  if (!HasAllSchemas(file.plan)) {
    *note = "no declared schema: column types are checked when the pipeline starts";
  }
  return CheckPipeline(file);
}

void WriteJson(const std::string& file, const Status& status, std::ostream& out) {
  out << "{\"file\":" << JsonString(file) << ",\"ok\":" << (status.ok() ? "true" : "false")
      << ",\"errors\":[";
  if (!status.ok()) {
    bool first = true;
    for (const std::string& line : Lines(status.message())) {
      out << (first ? "" : ",") << JsonString(line);
      first = false;
    }
  }
  out << "]}\n";
}

std::string JsonList(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() > 1 ? "," : "") + JsonString(text);
  return out + "]";
}

std::vector<std::string> ChangelogsOf(const SubTopology& sub) {
  std::vector<std::string> topics;
  for (const TableSpec& table : sub.tables) topics.push_back(table.changelog_topic);
  return topics;
}

void ExplainJson(const AnalyzedPlan& plan, const Topology& topology, std::ostream& out) {
  out << "{\"name\":" << JsonString(plan.plan.name) << ",\"sub_topologies\":[";
  for (std::size_t i = 0; i < topology.sub_topologies.size(); ++i) {
    const SubTopology& sub = topology.sub_topologies[i];
    out << (i == 0 ? "" : ",") << "{\"name\":" << JsonString(sub.name) << ",\"partitions\":" << sub.partitions
        << ",\"inputs\":" << JsonList(sub.input_topics) << ",\"changelogs\":" << JsonList(ChangelogsOf(sub))
        << "}";
  }
  out << "],\"internal_topics\":[";
  for (std::size_t i = 0; i < topology.internal_topics.size(); ++i) {
    const NewTopic& topic = topology.internal_topics[i];
    out << (i == 0 ? "" : ",") << "{\"name\":" << JsonString(topic.name)
        << ",\"partitions\":" << topic.partitions << "}";
  }
  out << "]}\n";
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
  out << "  state             " << plan.state_dir << "\n";
  out << "  end               within " << FormatDuration(plan.stop_timeout) << " of a signal\n";
  out << "  event time        out of order by up to " << FormatDuration(plan.out_of_orderness)
      << "; idle after " << (plan.idle_after ? FormatDuration(*plan.idle_after) : "never") << "; at most "
      << FormatDuration(plan.max_future) << " ahead of the clock\n";
  out << "  dead letters      "
      << (plan.dead_letter_topic.empty() ? "none: a bad record stops the pipeline"
                                         : "topic " + plan.dead_letter_topic)
      << "\n";
}

}  // namespace

Exit LintCommand(const LintOptions& options, CommandIo& io) {
  Exit exit = Exit::kOk;
  for (const std::string& file : options.files) {
    std::string note;
    const Status status = Check(file, &note);
    if (!status.ok()) exit = Exit::kUsage;
    if (options.json) {
      WriteJson(file, status, io.out);
    } else if (status.ok()) {
      io.out << file << ": ok" << (note.empty() ? "" : " (" + note + ")") << "\n";
    } else {
      Report(io, status, Exit::kUsage);
    }
  }
  return exit;
}

Exit GraphCommand(const GraphOptions& options, CommandIo& io) {
  const Result<AnalyzedPlan> plan = LoadAnalyzed(options.file);
  if (!plan.ok()) return Report(io, plan.status(), Exit::kUsage);
  std::string text;
  if (options.format == "mermaid") {
    text = PlanToMermaid(*plan);
  } else {
    text = options.format == "json" ? PlanToJson(*plan) : PlanToText(*plan);
  }
  io.out << text << (text.ends_with('\n') ? "" : "\n");
  return Exit::kOk;
}

Exit ExplainCommand(const ExplainOptions& options, CommandIo& io) {
  const Result<AnalyzedPlan> plan = LoadAnalyzed(options.file);
  if (!plan.ok()) return Report(io, plan.status(), Exit::kUsage);
  const SystemClock clock;
  CompileOptions compile;
  compile.clock = &clock;
  for (const PlanNode& node : plan->plan.nodes) {
    if (const auto* source = std::get_if<KafkaSource>(&node.op))
      compile.source_partitions[source->topic] = options.partitions;
  }
  const Result<Topology> topology = CompilePlan(*plan, compile);
  if (!topology.ok()) return Report(io, topology.status(), Exit::kUsage);
  if (options.json) {
    ExplainJson(*plan, *topology, io.out);
    return Exit::kOk;
  }
  ExplainSettings(plan->plan, io.out);
  io.out << "\nsteps\n"
         << PlanToText(*plan) << "\nruns as (for " << Counted(options.partitions, "partition")
         << " per source topic)\n";
  for (const SubTopology& sub : topology->sub_topologies) {
    io.out << "  sub-topology " << sub.name << ": " << Counted(sub.partitions, "task");
    for (const std::string& topic : sub.input_topics) io.out << "\n    reads       " << topic;
    for (const TableSpec& table : sub.tables)
      io.out << "\n    state       " << table.table << ", mirrored by " << table.changelog_topic;
    io.out << "\n";
  }
  io.out << "internal topics\n";
  for (const NewTopic& topic : topology->internal_topics) {
    io.out << "  " << topic.name << ", " << Counted(topic.partitions, "partition") << "\n";
  }
  if (topology->internal_topics.empty()) io.out << "  none\n";
  return Exit::kOk;
}

}  // namespace millrace
