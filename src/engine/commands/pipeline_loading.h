#pragma once

#include <string>

#include "base/result.h"
#include "engine/yaml/pipeline_file.h"

namespace millrace {

/// ${...} from this process's environment and files.
SubstitutionSources ProcessSources();

/// ReadPipelineFile with ProcessSources.
Result<PipelineFile> LoadPipeline(const std::string& path);

/// Checks what can be checked without a broker: `kafka:` properties and, where all schemas are declared,
/// every name and type. Errors: all of them, one per line, each with its place.
Status CheckPipeline(const PipelineFile& file);

}  // namespace millrace
