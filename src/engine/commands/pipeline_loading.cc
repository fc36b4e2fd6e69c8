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
  return kafka::CheckProperties(file.plan.kafka).WithContext(file.kafka.ToString());
}

}  // namespace millrace
