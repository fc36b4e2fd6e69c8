#pragma once

#include "engine/yaml/section_reader.h"
#include "plan/plan.h"

namespace millrace {

/// Makes the plan of the top-level section: settings, sources, steps and sinks. Mistakes go to the reader's
/// errors; the plan is meaningful only when there are none.
Plan ReadPlan(const SectionReader& top);

}  // namespace millrace
