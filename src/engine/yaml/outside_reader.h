#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/yaml/section_reader.h"
#include "plan/plan.h"

namespace millrace {

/// The source outside Kafka that a `source` section is about; null for one with a topic. Reports keys that
/// only topics have.
std::shared_ptr<const OutsideSource> ReadOutside(const SectionReader& source);

/// The step that RepeatsOf wants behind the source.
std::optional<PlanNode> StepBehind(const PlanNode& source, const std::string& source_name);

}  // namespace millrace
