#pragma once

#include <optional>
#include <string>

#include "engine/yaml/pipeline_file.h"

namespace millrace {

/// Reads the text as the file p.yaml, with the variable LIMIT.
inline Result<PipelineFile> Read(const std::string& text) {
  SubstitutionSources sources;
  sources.variable = [](const std::string& name) -> std::optional<std::string> {
    return name == "LIMIT" ? std::optional<std::string>("50") : std::nullopt;
  };
  return ReadPipelineText("p.yaml", text, sources);
}

/// A file around one line (number 5) of steps.
inline std::string WithStep5(const std::string& line) {
  return "name: p\nsource:\n  topic: t\nsteps:\n  - " + line + "\nsinks:\n  - topic: o\n";
}

}  // namespace millrace
