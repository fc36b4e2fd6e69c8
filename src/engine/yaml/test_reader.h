#pragma once

#include <vector>

#include "engine/yaml/pipeline_file.h"
#include "engine/yaml/section_reader.h"

namespace millrace {

/// The `tests:` of a file for its plan. Mistakes go to the reader's errors.
std::vector<PipelineTest> ReadTests(const SectionReader& top, const Plan& plan);

}  // namespace millrace
