#include "engine/yaml/pipeline_file.h"

#include <algorithm>

#include "engine/yaml/document.h"
#include "engine/yaml/plan_reader.h"
#include "engine/yaml/section_reader.h"
#include "engine/yaml/test_reader.h"

namespace millrace {
namespace {

/// `errors`, and what is wrong with the plan where they did not take a part of it away.
Status ErrorsOf(const Diagnostics& errors, const Plan& plan) {
  const Status status = errors.ToStatus();
  if (status.ok() || !errors.complete() || !HasAllSchemas(plan)) return status;
  const Status analyzed = AnalyzePlan(plan).status();
  return analyzed.ok() ? status : Status::InvalidArgument(status.message() + "\n" + analyzed.message());
}

}  // namespace

bool HasAllSchemas(const Plan& plan) {
  return std::all_of(plan.nodes.begin(), plan.nodes.end(), [](const PlanNode& node) {
    const auto* source = std::get_if<KafkaSource>(&node.op);
    return source == nullptr || source->schema != nullptr || source->format != "json";
  });
}

Result<PipelineFile> ReadPipelineText(const std::string& file, std::string_view text,
                                      SubstitutionSources sources) {
  MR_ASSIGN_OR_RETURN(const YamlDocument document,
                      YamlDocument::Parse(file, std::string(text), std::move(sources)));
  if (document.root().IsNull()) return Status::InvalidArgument(file + ":1:1: the file is empty");
  Diagnostics errors;
  const SectionReader top(document, errors, document.root(), PipelineSection("pipeline"));
  PipelineFile pipeline;
  pipeline.plan = ReadPlan(top);
  pipeline.kafka = top.LocationOf("kafka");
  if (errors.empty()) {
    // Tests may call sinks by the names that they get here.
    if (const Status named = NameNodes(&pipeline.plan); !named.ok()) return named;
  }
  pipeline.tests = ReadTests(top, pipeline.plan);
  MR_RETURN_IF_ERROR(ErrorsOf(errors, pipeline.plan));
  return pipeline;
}

Result<PipelineFile> ReadPipelineFile(const std::string& path, SubstitutionSources sources) {
  MR_ASSIGN_OR_RETURN(const std::string text, sources.read_file(path));
  return ReadPipelineText(path, text, std::move(sources));
}

}  // namespace millrace
