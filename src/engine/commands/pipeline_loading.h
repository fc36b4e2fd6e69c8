#pragma once

#include <string>

#include "base/result.h"
#include "engine/yaml/pipeline_file.h"

namespace millrace {

/// ${...} from this process's environment and files.
SubstitutionSources ProcessSources();

/// ReadPipelineFile with ProcessSources.
Result<PipelineFile> LoadPipeline(const std::string& path);

/// Checks what a pipeline needs to run on a cluster, beside what LoadPipeline checks: that `kafka:` names
/// one.
Status CheckPipeline(const PipelineFile& file);

}  // namespace millrace
