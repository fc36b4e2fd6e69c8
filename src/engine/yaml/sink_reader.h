#pragma once

#include <string>
#include <string_view>

#include "engine/yaml/section_reader.h"
#include "plan/plan.h"

namespace millrace {

/// One entry of `sinks`: where its rows go and which.
SinkNode ReadSinkOp(const SectionReader& section);

/// A topic behind a section of its own (`dead_letter`, `late`); "" when absent.
std::string ReadTopicOf(const SectionReader& section, std::string_view key);

}  // namespace millrace
