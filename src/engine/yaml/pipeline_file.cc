#include "engine/yaml/pipeline_file.h"

#include <algorithm>

#include "engine/yaml/document.h"
#include "engine/yaml/event_fields.h"
#include "engine/yaml/plan_reader.h"
#include "engine/yaml/section_reader.h"
#include "engine/yaml/test_reader.h"
#include "plan/mistakes.h"

namespace millrace {
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
  errors.AddBeside(FindMistakes(pipeline.plan));
  NameAllNodes(&pipeline.plan);  // whose mistakes are among those; tests may call sinks by their names
  errors.AddBeside(FindEventFieldMistakes(pipeline.plan));
  pipeline.tests = ReadTests(top, pipeline.plan);
  MR_RETURN_IF_ERROR(errors.ToStatus());
  if (HasAllSchemas(pipeline.plan)) errors.AddBeside(FindEventValueMistakes(pipeline.plan));
  MR_RETURN_IF_ERROR(errors.ToStatus());
  return pipeline;
}

Result<PipelineFile> ReadPipelineFile(const std::string& path, SubstitutionSources sources) {
  MR_ASSIGN_OR_RETURN(const std::string text, sources.read_file(path));
  return ReadPipelineText(path, text, std::move(sources));
}

}  // namespace millrace
