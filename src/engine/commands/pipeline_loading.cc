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

}  // namespace millrace
