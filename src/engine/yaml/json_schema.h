#pragma once

#include <string>

namespace millrace {

/// A JSON Schema (draft 2020-12) of pipeline files, for editors; made from PipelineSections().
std::string PipelineJsonSchema();

}  // namespace millrace
