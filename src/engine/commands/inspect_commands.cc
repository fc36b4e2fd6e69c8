#include "engine/commands/inspect_commands.h"

#include <algorithm>
#include <utility>

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

/// What only shows when readers, operators and sinks are made.
Status CheckCompiles(const Plan& plan) {
  MR_ASSIGN_OR_RETURN(const AnalyzedPlan analyzed, AnalyzePlan(plan));
  const SystemClock clock;
  CompileOptions options;
  options.clock = &clock;
  for (const PlanNode& node : plan.nodes) {
    if (const auto* source = std::get_if<KafkaSource>(&node.op)) options.source_partitions[source->topic] = 1;
  }
  return CompilePlan(analyzed, options).status();
}

Status Check(const std::string& path, std::string* note) {
  MR_ASSIGN_OR_RETURN(const PipelineFile file, LoadPipeline(path));
  MR_RETURN_IF_ERROR(CheckPipeline(file));
  if (HasAllSchemas(file.plan)) return CheckCompiles(file.plan);
  *note = "no declared schema: column types are checked when the pipeline starts";
  return Status::Ok();
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

Result<AnalyzedPlan> LoadGraph(const std::string& path) {
  MR_ASSIGN_OR_RETURN(PipelineFile file, LoadPipeline(path));
  MR_RETURN_IF_ERROR(CheckPipeline(file));
  if (!HasAllSchemas(file.plan)) return WithoutTypes(std::move(file.plan));
  return AnalyzePlan(std::move(file.plan));
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
  const Result<AnalyzedPlan> plan = LoadGraph(options.file);
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

}  // namespace millrace
