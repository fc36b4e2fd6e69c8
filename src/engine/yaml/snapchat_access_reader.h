#pragma once

#include "engine/yaml/section_reader.h"
#include "plan/snapchat_access.h"

namespace millrace {

/// The keys by which a section of a source or sink says how Snap is reached.
SnapchatAccess ReadSnapchatAccess(const SectionReader& section);

}  // namespace millrace
