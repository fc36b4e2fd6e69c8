#pragma once

#include <string>

#include "base/result.h"
#include "engine/yaml/pipeline_file.h"

namespace millrace {

/// ${...} from this process's environment and files.
SubstitutionSources ProcessSources();

/// Reads a pipeline file and checks its `kafka:` properties. Errors: as ReadPipelineFile.
Result<PipelineFile> LoadPipeline(const std::string& path);

/// True when every source has a declared schema, so that AnalyzePlan needs no broker.
bool HasAllSchemas(const Plan& plan);

/// LoadPipeline and AnalyzePlan. Errors: also user error when a source has no schema.
Result<AnalyzedPlan> LoadAnalyzed(const std::string& path);

}  // namespace millrace
