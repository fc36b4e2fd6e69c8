#pragma once

#include <memory>

#include "engine/yaml/section_reader.h"
#include "plan/sources.h"

namespace millrace {

/// The source outside Kafka that a `source` section is about; null for one with a topic. Reports keys that
/// only topics have.
std::shared_ptr<const OutsideSource> ReadOutside(const SectionReader& source);

}  // namespace millrace
