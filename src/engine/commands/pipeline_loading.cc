#include "engine/commands/pipeline_loading.h"

#include <utility>

#include "env/environment.h"
#include "env/file.h"
#include "kafka/properties.h"

namespace millrace {

SubstitutionSources ProcessSources() { return {GetEnv, ReadFile}; }

Result<PipelineFile> LoadPipeline(const std::string& path) {
  return ReadPipelineFile(path, ProcessSources());
}

Status CheckPipeline(const PipelineFile& file) {
  const Status kafka = kafka::CheckProperties(file.plan.kafka).WithContext(file.kafka.ToString());
  const Status plan = HasAllSchemas(file.plan) ? AnalyzePlan(file.plan).status() : Status::Ok();
  if (kafka.ok() || plan.ok()) return kafka.ok() ? plan : kafka;
  return Status::InvalidArgument(kafka.message() + "\n" + plan.message());
}

Result<AnalyzedPlan> LoadAnalyzed(const std::string& path) {
  MR_ASSIGN_OR_RETURN(PipelineFile file, LoadPipeline(path));
  for (const PlanNode& node : file.plan.nodes) {
    const auto* source = std::get_if<KafkaSource>(&node.op);
    if (source == nullptr || source->schema != nullptr || source->format != "json") continue;
    return Status::InvalidArgument(
        node.location.ToString() + ": source '" + source->topic +
        "' has no schema, and this command asks no broker; declare one ('millrace schema infer " + path +
        "' writes it)");
  }
  MR_RETURN_IF_ERROR(CheckPipeline(file));
  return AnalyzePlan(std::move(file.plan));
}

}  // namespace millrace
